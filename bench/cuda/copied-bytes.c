/* Counts what is copied between a process and its GPU: preloaded, it stands before the CUDA runtime's own functions. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

/* By cudaMemcpyKind: host to host, host to device, device to host, device to device, default. */
static uint64_t bytes[5], calls[5];

/* The library whose functions these are; its symbols may be nobody's but those that asked for it. */
static void *original(const char *name) {
  static void *library;
  if (!library) library = dlopen("libcudart.so.13", RTLD_LAZY | RTLD_NOLOAD);
  return dlsym(library, name);
}

static void count(size_t size, int kind) {
  if (kind < 0 || kind > 4) return;
  __atomic_fetch_add(&bytes[kind], size, __ATOMIC_RELAXED);
  __atomic_fetch_add(&calls[kind], 1, __ATOMIC_RELAXED);
}

int cudaMemcpy(void *to, const void *from, size_t size, int kind) {
  static int (*next)(void *, const void *, size_t, int);
  if (!next) next = original("cudaMemcpy");
  count(size, kind);
  return next(to, from, size, kind);
}

int cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, void *stream) {
  static int (*next)(void *, const void *, size_t, int, void *);
  if (!next) next = original("cudaMemcpyAsync");
  count(size, kind);
  return next(to, from, size, kind, stream);
}

void kvasir_copied(uint64_t out[10]) {
  for (int kind = 0; kind < 5; kind++) {
    out[kind] = __atomic_exchange_n(&bytes[kind], 0, __ATOMIC_RELAXED);
    out[5 + kind] = __atomic_exchange_n(&calls[kind], 0, __ATOMIC_RELAXED);
  }
}
