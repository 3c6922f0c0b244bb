// Test vectors of the specification of SWIS, A.10: alpha = 1, +128 allowed.
#pragma once
#include <cstdint>
#include <vector>

namespace bitsieve::swis::test {

enum class Mode { swis, swis_mse, swis_c, joint, masked };

struct Vector {
  const char* name;
  std::vector<std::int8_t> w;
  int shifts;
  Mode mode;
  int set;  // -1: not given
  std::vector<int> q;
  std::int64_t squares, sum;
  int bits;           // of the stream; 0: not given
  const char* bytes;  // hexadecimal
};

inline const Vector vectors[] = {
    {"1", {90, -37, 14, -5}, 2, Mode::swis, 0x60, {96, -32, 0, 0}, 282, -2, 18, "d27100"},
    {"1 mse", {90, -37, 14, -5}, 2, Mode::swis_mse, 0x60, {96, -32, 0, 0}, 282, -2, 18, "d27100"},
    {"1c", {90, -37, 14, -5}, 2, Mode::swis_c, 0x60, {96, -32, 0, 0}, 282, -2, 15, "d209"},
    {"2", {7, 3, -7, 1}, 1, Mode::swis_mse, 0x08, {8, 0, -8, 0}, 12, 4, 11, "b402"},
    {"2p", {7, 3, -7, 1}, 1, Mode::swis, 0x04, {4, 4, -4, 0}, 20, 0, 11, "a403"},
    {"2t", {7, 3, -7, 1}, 1, Mode::masked, 0x04, {4, 0, -4, 0}, 28, 4, 0, ""},
    {"3", {127, -64, 33, 0}, 2, Mode::swis, 0x60, {96, -64, 32, 0}, 962, 32, 18, "d2f200"},
    {"3 mse", {127, -64, 33, 0}, 2, Mode::swis_mse, 0x60, {96, -64, 32, 0}, 962, 32, 18, "d2f200"},
    {"3j", {127, -64, 33, 0}, 2, Mode::joint, 0x60, {96, -64, 64, 0}, 1922, 0, 0, ""},
    {"4", {-11, -45, 77, 6}, 3, Mode::swis, 0x68, {-8, -40, 72, 8}, 63, -5, 25, "b3af9800"},
    {"4 mse", {-11, -45, 77, 6}, 3, Mode::swis_mse, 0x68, {-8, -40, 72, 8}, 63, -5, 25, "b3af9800"},
    {"4c", {-11, -45, 77, 6}, 3, Mode::swis_c, 0x70, {-16, -48, 80, 0}, 79, 11, 19, "c31302"},
    {"5", {100, 50, -25, 12}, 1, Mode::swis, 0x40, {64, 64, 0, 0}, 2261, 9, 11, "e001"},
    {"6", {5, 6, 5, -3}, 1, Mode::swis, 0x04, {4, 4, 4, -4}, 7, 5, 11, "a807"},
    {"6j", {5, 6, 5, -3}, 1, Mode::joint, 0x04, {4, 4, 4, 0}, 15, 1, 0, ""},
    {"7", {0, 0, 0, 0}, 2, Mode::swis, 0x03, {0, 0, 0, 0}, 0, 0, 18, "000800"},
    {"8", {127, 127, -127, 126}, 1, Mode::swis, 0x80, {128, 128, -128, 128}, 7, -3, 11, "f407"},
    {"8t", {127, 127, -127, 126}, 1, Mode::masked, 0x40, {64, 64, -64, 64}, 15751, 125, 0, ""},
    {"9", {93, 93, 93, 93}, 2, Mode::swis, 0x60, {96, 96, 96, 96}, 36, -12, 18, "d0f703"},
};

}  // namespace bitsieve::swis::test
