// bench_troth: one measurement per process, so that peaks of memory are its own. Prints one line of JSON. ./run calls
// it many times and makes the table.
//
//   bench_troth write-traffic FILE EVENTS CUSTOMERS
//   bench_troth read|parse|decode|memory FILE
//   bench_troth disk FILE DIRECTORY
//   bench_troth shape NAME EVENTS CUSTOMERS SIZE EPOCH
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/pipeline.h"
#include "tests/bench/traffic.h"

namespace troth::bench {
namespace {

using base::Error;
using base::Result;
using Words = std::span<const std::string_view>;

constexpr std::uint64_t kSeed = 20'260'101;

std::uint64_t number(std::string_view word) {
  std::uint64_t value = 0;
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}

/// The most memory this process ever had, in KiB; 0 where the kernel does not tell. Unlike getrusage's, it does not
/// include what the process was before exec.
std::uint64_t peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t value = 0;
    if (word == "VmHWM:" && status >> value) return value;
  }
  return 0;
}

Result<Measured> write_traffic(const std::string& file, std::uint64_t events, std::uint64_t customers) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  Traffic traffic(customers, kSeed);
  Measured measured;
  for (; measured.events < events; ++measured.events) {
    const std::string line = traffic.next();
    measured.input_bytes += line.size() + 1;
    out << line << '\n';
  }
  out.flush();
  if (!out) return Error{file + ": cannot be written"};
  return measured;
}

Result<Measured> measure(Words words) {
  const auto policy = app::load_policy(std::nullopt, std::nullopt);
  if (!policy) return policy.error();
  const std::string_view what = words.empty() ? std::string_view{} : words[0];
  const auto file = [&] { return std::string(words[1]); };
  if (what == "write-traffic" && words.size() == 4) return write_traffic(file(), number(words[2]), number(words[3]));
  if (what == "read" && words.size() == 2) return read_lines(file());
  if (what == "parse" && words.size() == 2) return parse_lines(file());
  if (what == "decode" && words.size() == 2) return decode_lines(file());
  if (what == "memory" && words.size() == 2) return replay_in_memory(file(), *policy);
  if (what == "disk" && words.size() == 3) return replay_to_disk(file(), *policy, std::string(words[2]));
  if (what == "shape" && words.size() == 6) {
    const auto shape = make_shape(words[1], {number(words[2]), number(words[3]), number(words[4]), kSeed});
    if (!shape) return Error{std::string(words[1]) + ": no such shape"};
    return run_shape(*shape, *policy, number(words[5]));
  }
  return Error{"the head of tests/bench/main.cc says how this is called; tests/bench/run does it for you"};
}

void print(const Measured& m) {
  fmt::print(R"({{"events":{},"cpu_us":{:.1f},"peak_kib":{},"input_bytes":{},"store_bytes":{},"output_bytes":{},)"
             R"("written_bytes":{},"refused":{},"commits":{},"keys_settled":{},"keys_decoded":{},)"
             R"("phases_ns":{{"apply":{},"settle":{},"encode":{},"store":{},"sink":{}}}}})"
             "\n",
             m.events, m.cpu_us, peak_kib(), m.input_bytes, m.store_bytes, m.output_bytes, m.written_bytes, m.refused,
             m.commits, m.keys_settled, m.keys_decoded, m.phases.apply_ns, m.phases.settle_ns, m.phases.encode_ns,
             m.phases.store_ns, m.phases.sink_ns);
}

}  // namespace
}  // namespace troth::bench

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  const auto measured = troth::bench::measure(words);
  if (!measured) {
    fmt::print(stderr, "{}\n", measured.error().message);
    return 1;
  }
  troth::bench::print(*measured);
  return 0;
}
