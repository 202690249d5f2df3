// SmallProcessor: one partition of the small model (README.md). The same arithmetic as tests/bench/small/small_model.cc,
// in the same order of operations, so that both give the same records to the last digit.
//
// A customer has at most one timer, that of its first deadline: a row (time, customer) of the store of timers. It is
// written only when it is earlier than the one there; one that comes too early finds nothing due and is set anew. Due
// timers are looked for by the wall clock, as often as is committed, and fire by event time. The first timer of the
// partition is held in memory, so that nothing is scanned while none is due.

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

final class SmallProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    private static final long DAY_US = 86_400_000_000L;
    private static final long HALF_LIFE_US = 30 * DAY_US;
    private static final long REPLY_WITHIN_US = DAY_US;
    private static final long SCORE_MOVED = 10;
    private static final int STEPS = 4096;
    private static final double[] POWERS = powers();
    private static final Duration SWEEP_EVERY = Duration.ofMillis(100);
    private static final long NEVER = Long.MAX_VALUE;

    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> customers;
    private KeyValueStore<byte[], byte[]> timers;
    private final SmallEvent event = new SmallEvent();
    private final SmallState state = new SmallState();
    private final StringBuilder text = new StringBuilder(256);
    private long eventTime = 0;  // the greatest so far
    private long firstTimer = 0; // no timer of the partition is earlier; 0: not known yet

    private static double[] powers() {
        double[] powers = new double[STEPS + 1];
        for (int i = 0; i <= STEPS; i++) {
            double power = 1.0;
            double root = 0.5;
            for (int bit = STEPS; bit != 0; bit /= 2) {
                if ((i & bit) != 0) {
                    power *= root;
                }
                root = Math.sqrt(root);
            }
            powers[i] = power;
        }
        return powers;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
        context = given;
        customers = context.getStateStore(Small.CUSTOMERS);
        timers = context.getStateStore(Small.TIMERS);
        context.schedule(SWEEP_EVERY, PunctuationType.WALL_CLOCK_TIME, now -> sweep());
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        if (!event.read(record.value())) {
            System.err.println("refused: " + new String(record.value(), StandardCharsets.UTF_8));
            return;
        }
        eventTime = Math.max(eventTime, event.time);
        byte[] customer = record.key();
        state.read(customers.get(customer));
        fire(customer, event.time);
        state.events++;
        switch (event.type) {
            case PLACED: add(customer, event.time, 0.2, 0.0); break;
            case PROMISED:
                state.open(event.due == SmallEvent.NO_TIME ? event.time : event.due, false, event.object());
                fire(customer, event.time);
                break;
            case DELIVERED:
                if (state.close(false, event.object())) {
                    add(customer, event.time, 1.0, 0.0);
                }
                break;
            case OPENED:
                state.open(event.time + REPLY_WITHIN_US, true, event.object());
                add(customer, event.time, 0.0, 1.0);
                break;
            case REPLIED:
                if (state.close(true, event.object())) {
                    add(customer, event.time, 0.5, 0.0);
                }
                break;
            case REVIEWED: add(customer, event.time, event.stars / 5.0, (5.0 - event.stars) / 5.0); break;
            default: break;
        }
        setTimer(customer);
        customers.put(customer, state.bytes());
    }

    // Time --------------------------------------------------------------------------------------------------------

    private void sweep() {
        if (eventTime < firstTimer || eventTime == 0) {
            return;
        }
        List<byte[]> due = new ArrayList<>();
        long next = NEVER;
        // From the first timer on: what lies before it has fired, and a scan would walk over its tombstones.
        try (KeyValueIterator<byte[], byte[]> each = timers.range(timer(firstTimer, new byte[0]), null)) {
            while (each.hasNext()) {
                KeyValue<byte[], byte[]> row = each.next();
                long time = SmallState.be64(row.key, 0);
                if (time > eventTime) {
                    next = time;
                    break;
                }
                due.add(row.key);
            }
        }
        firstTimer = next;
        for (byte[] row : due) {
            byte[] customer = Arrays.copyOfRange(row, 8, row.length);
            state.read(customers.get(customer));
            fire(customer, eventTime);
            timers.delete(row);
            state.timer = NEVER;
            setTimer(customer);
            customers.put(customer, state.bytes());
        }
    }

    private void setTimer(byte[] customer) {
        long wanted = state.firstDue();
        if (wanted >= state.timer) {
            return; // a stored one that is too early stays: it will come here again
        }
        if (state.timer != NEVER) {
            timers.delete(timer(state.timer, customer));
        }
        timers.put(timer(wanted, customer), new byte[0]);
        state.timer = wanted;
        firstTimer = Math.min(firstTimer, wanted);
    }

    private static byte[] timer(long time, byte[] customer) {
        byte[] row = new byte[8 + customer.length];
        SmallState.putBe64(row, 0, time);
        System.arraycopy(customer, 0, row, 8, customer.length);
        return row;
    }

    // Judgement ---------------------------------------------------------------------------------------------------

    private static double decay(long time) {
        long step = HALF_LIFE_US / STEPS;
        long rest = time % HALF_LIFE_US;
        int at = (int) (rest / step);
        double part = (double) (rest % step) / (double) step;
        double power = POWERS[at] + (POWERS[at + 1] - POWERS[at]) * part;
        for (long halvings = Math.min(time / HALF_LIFE_US, 64); halvings > 0; halvings--) {
            power *= 0.5;
        }
        return power;
    }

    private void add(byte[] customer, long at, double good, double bad) {
        if (at > state.at) {
            double power = decay(at - state.at);
            state.good *= power;
            state.bad *= power;
            state.at = at;
        }
        state.good += good;
        state.bad += bad;
        double score = 10_000.0 * (state.good + 1.0) / (state.good + state.bad + 2.0);
        long hundredths = (long) Math.floor(score + 0.5);
        if (Math.abs(hundredths - state.sent) < SCORE_MOVED) {
            return;
        }
        state.sent = hundredths;
        text.setLength(0);
        text.append("{\"customer\":\"").append(latin(customer)).append("\",\"score_hundredths\":").append(hundredths)
            .append(",\"events\":").append(state.events).append(",\"as_of_us\":").append(state.at).append('}');
        send("scores", customer);
    }

    private void fire(byte[] customer, long until) {
        while (state.firstDue() <= until) {
            SmallState.Open open = state.takeFirst();
            text.setLength(0);
            text.append("{\"customer\":\"").append(latin(customer)).append("\",\"rule\":\"")
                .append(open.isReply ? "REPLY_OVERDUE" : "PROMISE_BROKEN").append("\",\"object\":\"").append(latin(open.object))
                .append("\",\"due_us\":").append(open.due).append('}');
            send("alerts", customer);
            add(customer, open.due, 0.0, open.isReply ? 2.0 : 3.0);
        }
    }

    private void send(String sink, byte[] customer) {
        context.forward(new Record<>(customer, text.toString().getBytes(StandardCharsets.ISO_8859_1), context.currentSystemTimeMs()), sink);
    }

    private static String latin(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1); // the benchmark's names are ASCII
    }
}
