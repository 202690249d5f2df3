// The small model of README.md as a Kafka Streams application: the peer that tests/bench/peers measures the engine against.
// One processor (SmallProcessor.java), two stores on RocksDB with changelogs, exactly once.
//
//   java -cp JARS:CLASSES Small BOOTSTRAP APPLICATION INPUT SCORES ALERTS STATE COMMIT_MS
//
// Ends by SIGTERM. Properties for trying other tunings: -Dsmall.cache=BYTES (0: no caching), -Dsmall.compression=CODEC,
// -Dsmall.linger=MS, -Dsmall.poll=RECORDS.

import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;

import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

public final class Small {
    static final String CUSTOMERS = "customers";
    static final String TIMERS = "timers";

    /** One budget for the stores of all tasks, as the engine has one: 256 MB, of which 64 MB are write buffers. */
    public static final class RocksBudget implements RocksDBConfigSetter {
        private static final long BYTES = 256L << 20;
        private static final LRUCache CACHE = new LRUCache(BYTES);
        private static final WriteBufferManager BUFFERS = new WriteBufferManager(BYTES / 4, CACHE);
        private final BloomFilter filter = new BloomFilter(10);

        @Override
        public void setConfig(String store, Options options, Map<String, Object> configs) {
            BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
            table.setBlockCache(CACHE);
            table.setBlockSize(16 * 1024);
            table.setCacheIndexAndFilterBlocks(true);
            table.setPinL0FilterAndIndexBlocksInCache(true);
            table.setFilterPolicy(filter);
            options.setWriteBufferManager(BUFFERS);
            options.setTableFormatConfig(table);
        }

        @Override
        public void close(String store, Options options) {
            filter.close();
        }
    }

    private static StoreBuilder<KeyValueStore<byte[], byte[]>> store(String name, boolean cached) {
        StoreBuilder<KeyValueStore<byte[], byte[]>> builder =
            Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), Serdes.ByteArray(), Serdes.ByteArray());
        return cached ? builder.withCachingEnabled() : builder.withCachingDisabled();
    }

    private static Properties properties(String[] arguments) {
        Properties p = new Properties();
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
        p.put(StreamsConfig.STATE_DIR_CONFIG, arguments[5]);
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, arguments[6]);
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, Long.getLong("small.cache", 128L << 20));
        p.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, RocksBudget.class);
        p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        p.put(StreamsConfig.POLL_MS_CONFIG, 20);
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), Integer.getInteger("small.poll", 5000));
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), 20);
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), "bench");
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 6000);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 500);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), Integer.getInteger("small.linger", 100));
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 64 << 20);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), System.getProperty("small.compression", "lz4"));
        return p;
    }

    public static void main(String[] arguments) throws InterruptedException {
        boolean cached = Long.getLong("small.cache", 1) > 0;
        Topology topology = new Topology();
        topology.addSource("events", Serdes.ByteArray().deserializer(), Serdes.ByteArray().deserializer(), arguments[2]);
        topology.addProcessor("small", SmallProcessor::new, "events");
        topology.addStateStore(store(CUSTOMERS, cached), "small");
        topology.addStateStore(store(TIMERS, cached), "small");
        topology.addSink("scores", arguments[3], Serdes.ByteArray().serializer(), Serdes.ByteArray().serializer(), "small");
        topology.addSink("alerts", arguments[4], Serdes.ByteArray().serializer(), Serdes.ByteArray().serializer(), "small");

        KafkaStreams streams = new KafkaStreams(topology, properties(arguments));
        CountDownLatch stopped = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(failure -> {
            failure.printStackTrace();
            return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
        streams.setStateListener((now, before) -> {
            System.err.println("state " + now);
            if (now == KafkaStreams.State.ERROR || now == KafkaStreams.State.NOT_RUNNING) {
                stopped.countDown();
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        stopped.await();
    }
}
