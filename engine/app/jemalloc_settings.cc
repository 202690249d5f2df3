// What jemalloc reads when the program starts. Linked into the programs that use it (CMake: troth_allocator). Whoever
// knows better says so in the environment, as MALLOC_CONF.
extern "C" {
/// The state of many customers is many small things all over the memory: with pages of 4 KiB much of the time goes into
/// finding pages and making them. Kernels whose administrator has forbidden huge pages ignore it.
extern const char* malloc_conf;
const char* malloc_conf = "thp:always,metadata_thp:always";
}
