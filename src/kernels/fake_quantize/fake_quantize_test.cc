#include "kernels/fake_quantize/fake_quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/test_util.h"

namespace bitsieve {
namespace {

class FakeQuantize : public testing::TestWithParam<const FakeQuantizeKernel*> {
 protected:
  void SetUp() override { BITSIEVE_SKIP_UNSUPPORTED(*GetParam()); }
};

// Values on codes, between them, at both ends and far outside.
std::vector<float> values(float step, test::Random& random, std::int64_t count) {
  std::vector<float> x = {0.0f,
                          -0.0f,
                          1e30f,
                          -1e30f,
                          std::numeric_limits<float>::infinity(),
                          255 * step,
                          -127 * step,
                          std::nextafter(255 * step, 1e9f),
                          127 * step,
                          -1e-30f};
  for (int half = -300; half < 600; ++half) x.push_back(static_cast<float>(half) * 0.5f * step);
  while (static_cast<std::int64_t>(x.size()) < count) x.push_back(random.real(300 * step));
  x.resize(static_cast<std::size_t>(count));
  return x;
}

TEST_P(FakeQuantize, RoundsAndClips) {
  const FakeQuantizeKernel& kernel = *GetParam();
  test::Random random(3);
  for (const float step : {1.0f, 0.1f, 0.0234375f, 3.7e-4f}) {
    for (const bool is_signed : {false, true}) {
      for (const bool relu : {false, true}) {
        if (relu && is_signed) continue;
        for (const std::int64_t count : {1, 7, 33, 1500}) {
          const std::vector<float> x = values(step, random, count);
          test::Guarded<float> in(x);
          test::Guarded<float> y(count), bare(count);
          test::Guarded<std::uint8_t> inside(count);
          FakeQuantizeArgs args;
          args.count = count;
          args.x = in.data();
          args.y = y.data();
          args.inside = inside.data();
          args.step = step;
          args.lo = is_signed ? -127 : 0;
          args.hi = is_signed ? 127 : 255;
          args.low = args.lo * step;
          args.high = args.hi * step;
          args.relu = relu;
          test::leaving_registers_clean([&] { kernel.quantize(args); });
          args.inside = nullptr;
          args.y = bare.data();
          test::leaving_registers_clean([&] { kernel.quantize(args); });
          for (std::int64_t i = 0; i < count; ++i) {
            const float v = x[static_cast<std::size_t>(i)];
            ASSERT_EQ(y.data()[i], std::clamp(std::nearbyint(v / step), args.lo, args.hi) * step) << v;
            ASSERT_EQ(bare.data()[i], y.data()[i]) << v;
            ASSERT_EQ(inside.data()[i], (relu ? v > 0 : v >= args.low) && v <= args.high) << v;
          }
        }
      }
    }
  }
}

TEST_P(FakeQuantize, AddsWithFactors) {
  test::Random random(5);
  for (const std::int64_t count : {1, 15, 1000}) {
    const std::vector<float> a = values(0.1f, random, count), b = values(0.05f, random, count);
    test::Guarded<float> x(a), other(b), y(count);
    test::Guarded<std::uint8_t> inside(count);
    FakeQuantizeArgs args;
    args.count = count;
    args.x = x.data();
    args.other = other.data();
    args.factor = 1.00003f;
    args.other_factor = -0.99998f;
    args.y = y.data();
    args.inside = inside.data();
    args.step = 0.07f;
    args.high = 255 * args.step;
    args.relu = true;
    test::leaving_registers_clean([&] { GetParam()->quantize(args); });
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const float one = a[at] * args.factor, two = b[at] * args.other_factor, sum = one + two;
      if (std::isnan(sum)) continue;  // infinity minus infinity
      ASSERT_EQ(y.data()[i], std::clamp(std::nearbyint(sum / args.step), 0.0f, 255.0f) * args.step) << a[at];
      ASSERT_EQ(inside.data()[i], sum > 0 && sum <= args.high) << a[at];
    }
  }
}

TEST_P(FakeQuantize, KeepsWhatIsNoNumber) {
  float x[3] = {1, std::nanf(""), 2}, y[3];
  FakeQuantizeArgs args;
  args.count = 3;
  args.x = x;
  args.y = y;
  test::leaving_registers_clean([&] { GetParam()->quantize(args); });
  EXPECT_TRUE(std::isnan(y[1]));
}

TEST_P(FakeQuantize, ReadsByTables) {
  const FakeQuantizeKernel& kernel = *GetParam();
  float pair[256], lone[256];
  for (int i = 0; i < 256; ++i) {
    pair[i] = static_cast<float>(i * 3);
    lone[i] = static_cast<float>(-i);
  }
  const float step = 0.031f;
  // Every code beside zero and beside others; signed codes are their patterns.
  std::vector<float> a, b;
  for (int code = -127; code <= 255; ++code) {
    for (const int other : {0, 1, -3}) {
      a.push_back(static_cast<float>(code) * step);
      b.push_back(static_cast<float>(other) * step);
    }
  }
  const auto count = static_cast<std::int64_t>(a.size());
  const auto code_of = [&](float v) { return static_cast<int>(std::nearbyint(v / step)) & 255; };
  for (const std::int64_t stride : {1, 2}) {
    std::vector<float> both(static_cast<std::size_t>(2 * count));
    for (std::int64_t i = 0; i < count; ++i) {
      both[static_cast<std::size_t>(stride == 1 ? i : 2 * i)] = a[static_cast<std::size_t>(i)];
      both[static_cast<std::size_t>(stride == 1 ? count + i : 2 * i + 1)] = b[static_cast<std::size_t>(i)];
    }
    test::Guarded<float> in(both);
    test::Guarded<float> out(2 * count), alone(2 * count);
    const std::int64_t second = stride == 1 ? count : 1;
    ReadCodesArgs args{count, stride, in.data(), in.data() + second, out.data(), out.data() + second, step, pair, lone};
    kernel.read(args);
    for (std::int64_t i = 0; i < count; ++i) {
      const int p = code_of(a[static_cast<std::size_t>(i)]), q = code_of(b[static_cast<std::size_t>(i)]);
      ASSERT_EQ(out.data()[i * stride], q == 0 ? lone[p] : pair[p]);
      ASSERT_EQ(out.data()[second + i * stride], p == 0 ? lone[q] : pair[q]);
    }
    args = {2 * count, 1, in.data(), nullptr, alone.data(), nullptr, step, pair, lone};
    kernel.read(args);
    for (std::int64_t i = 0; i < 2 * count; ++i) ASSERT_EQ(alone.data()[i], lone[code_of(in.data()[i])]);
  }
}

TEST_P(FakeQuantize, PassesGradients) {
  test::Random random(4);
  for (const std::int64_t count : {1, 15, 16, 1001}) {
    std::vector<float> gradient;
    std::vector<std::uint8_t> inside;
    for (std::int64_t i = 0; i < count; ++i) {
      gradient.push_back(random.real(2));
      inside.push_back(static_cast<std::uint8_t>(random.between(0, 1)));
    }
    test::Guarded<float> g(gradient);
    test::Guarded<std::uint8_t> mask(inside);
    test::Guarded<float> out(count);
    for (const float factor : {1.0f, -0.9997f}) {
      test::leaving_registers_clean([&] { GetParam()->pass(count, g.data(), mask.data(), factor, out.data()); });
      for (std::size_t i = 0; i < gradient.size(); ++i)
        ASSERT_EQ(out.data()[i], inside[i] != 0 ? factor * gradient[i] : 0.0f);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, FakeQuantize, testing::ValuesIn(fake_quantize_kernels()), test::KernelName());

}  // namespace
}  // namespace bitsieve
