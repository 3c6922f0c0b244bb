// Skeleton of an activation code: what meets the weights instead of the 8-bit activation. To add yours, put make_code()
// into a folder of src/methods/ and its row into the table of src/methods/methods.cc; the kernels need nothing else.
//
// This one drops the lowest two bits of every activation whose neighbour along the channels is not zero.
#include <cstdio>
#include <cstdlib>

#include "methods/methods.h"

namespace {

bitsieve::ActivationTransform make_code(bool signed_values) {
  bitsieve::ActivationTransform t;
  t.active = true;
  t.paired = true;  // `lone` holds where the partner is zero
  for (int pattern = 0; pattern < 256; ++pattern) {
    const int value = signed_values && pattern >= 128 ? pattern - 256 : pattern;
    const int kept = value / 4 * 4;  // towards zero: 0 stays 0, as every code must keep it
    t.pair[static_cast<std::size_t>(pattern)] = static_cast<std::uint8_t>(kept);
    t.lone[static_cast<std::size_t>(pattern)] = static_cast<std::uint8_t>(pattern);
  }
  return t;
}

}  // namespace

int main() {
  const bitsieve::ActivationCodeRow row{
      "drop2", "the lowest two bits only next to a zero", 6, 7, {make_code(false), make_code(true)}};
  const bitsieve::ActivationTransform u8 = row.make_transform(false), s8 = row.make_transform(true);
  const bool right = u8.pair[0] == 0 && u8.pair[255] == 252 && u8.lone[255] == 255 && s8.pair[256 - 7] == 256 - 4;
  std::printf("%s: %s\n", row.name.c_str(), right ? "ok" : "wrong");
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
