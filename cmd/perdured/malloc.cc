// How jemalloc is to behave, where the daemon is linked with it: memory of a burst goes back to the system
// within seconds, also when nothing calls malloc any more.
extern "C" {
// The name and the form are jemalloc's: http://jemalloc.net/jemalloc.3.html#tuning
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:2000,muzzy_decay_ms:0";
}
