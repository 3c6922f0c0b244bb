// For the kernel tests: reproducible values with many extremes, and rows that end where readable memory ends.
#pragma once
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "base/cpu.h"

namespace bitsieve::test {

class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}

  std::int64_t between(std::int64_t lo, std::int64_t hi) {
    return lo + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(hi - lo + 1));
  }
  float real(float scale) { return static_cast<float>(between(-1000000, 1000000)) * scale / 1000000.0f; }

  // One byte in three is one of 0, 127, 128 (-128) and 255 (-1).
  std::uint8_t byte() {
    static constexpr std::uint8_t kExtremes[] = {0, 127, 128, 255};
    return static_cast<std::uint8_t>(between(0, 2) == 0 ? kExtremes[between(0, 3)] : between(0, 255));
  }
  std::vector<std::uint8_t> bytes(std::int64_t n) {
    std::vector<std::uint8_t> v(static_cast<std::size_t>(n));
    for (auto& x : v) x = byte();
    return v;
  }
  std::vector<std::int8_t> weights(std::int64_t n) {
    std::vector<std::int8_t> v(static_cast<std::size_t>(n));
    for (auto& x : v) x = static_cast<std::int8_t>(byte());
    return v;
  }

 private:
  std::mt19937_64 engine_;
};

// n elements whose end is the end of a mapped page: one read or write past it is a fault.
template <class T>
class Guarded {
 public:
  explicit Guarded(std::int64_t n) : n_(n) {
    const std::int64_t page = sysconf(_SC_PAGESIZE), bytes = n * static_cast<std::int64_t>(sizeof(T));
    size_ = static_cast<std::size_t>((bytes + page - 1) / page * page + page);
    base_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base_ == MAP_FAILED) throw std::bad_alloc();
    char* guard = static_cast<char*>(base_) + size_ - static_cast<std::size_t>(page);
    mprotect(guard, static_cast<std::size_t>(page), PROT_NONE);
    data_ = reinterpret_cast<T*>(guard - bytes);
  }
  explicit Guarded(const std::vector<T>& values) : Guarded(static_cast<std::int64_t>(values.size())) {
    if (!values.empty()) std::memcpy(data_, values.data(), values.size() * sizeof(T));
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(base_, size_); }

  T* data() { return data_; }
  std::vector<T> values() const { return std::vector<T>(data_, data_ + n_); }

 private:
  void* base_ = nullptr;
  std::size_t size_ = 0;
  std::int64_t n_ = 0;
  T* data_ = nullptr;
};

// Whether two float arrays are equal bit for bit.
inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// Runs call() and expects it to leave the upper parts of the vector registers empty (vzeroupper): what the compiler
// makes of other files only writes lower parts, and many processors then wait for the upper ones at every instruction.
// GCC 12 leaves them filled behind functions that take 256 or 512 bits as an argument.
template <class Call>
void leaving_registers_clean(const Call& call) {
#if defined(__x86_64__)
  if (!isa_supported(Isa::avx2)) return call();
  asm volatile("vzeroupper" ::
                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                     "xmm12", "xmm13", "xmm14", "xmm15");
  call();
  std::uint64_t y[16][4];
#define BITSIEVE_STORE(n) asm volatile("vmovdqu %%ymm" #n ", %0" : "=m"(y[n]))
  BITSIEVE_STORE(0);
  BITSIEVE_STORE(1);
  BITSIEVE_STORE(2);
  BITSIEVE_STORE(3);
  BITSIEVE_STORE(4);
  BITSIEVE_STORE(5);
  BITSIEVE_STORE(6);
  BITSIEVE_STORE(7);
  BITSIEVE_STORE(8);
  BITSIEVE_STORE(9);
  BITSIEVE_STORE(10);
  BITSIEVE_STORE(11);
  BITSIEVE_STORE(12);
  BITSIEVE_STORE(13);
  BITSIEVE_STORE(14);
  BITSIEVE_STORE(15);
#undef BITSIEVE_STORE
  for (int n = 0; n < 16; ++n) EXPECT_EQ(y[n][2] | y[n][3], 0u) << "upper half of ymm" << n;
#else
  call();
#endif
}

// Names a test after the kernel it runs.
struct KernelName {
  template <class Info>
  std::string operator()(const Info& info) const {
    return info.param->name;
  }
};

}  // namespace bitsieve::test

// Reports a kernel that this machine cannot run as skipped.
#define BITSIEVE_SKIP_UNSUPPORTED(kernel) \
  if (!::bitsieve::isa_supported((kernel).isa)) GTEST_SKIP() << "no " << ::bitsieve::isa_name((kernel).isa)
