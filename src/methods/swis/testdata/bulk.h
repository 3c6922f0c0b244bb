// The 40 bulk rows of the specification of SWIS, A.10: 4096 weights of a linear congruential generator.
#pragma once
#include <cstdint>

namespace bitsieve::swis::test {

struct Bulk {
  int group, shifts;
  bool consecutive;
  int alpha;
  std::int64_t squares;    // sum of e^2
  std::int64_t sums;       // sum over groups of (sum of e)^2
  std::uint64_t sets;      // FNV-1a of the sets' bytes
  std::uint64_t integers;  // FNV-1a of the rounded weights, 16 bits little endian
};

inline constexpr Bulk bulk[] = {
    {4, 1, false, 0, 2609670, 2628458, 0xa64dec90df6fff85, 0x2966299d84b12738},
    {4, 1, false, 1, 2881862, 1822634, 0x9cc8b839e79de755, 0xfb50e106aaecf865},
    {4, 2, false, 0, 451402, 450854, 0xaae06ad6d29408f7, 0x030cc5009eb7f6a0},
    {4, 2, false, 1, 518272, 265614, 0xe9223c94e81cee4a, 0xf9b2084fe738460b},
    {4, 3, false, 0, 85612, 86604, 0x7aaa8869f026599d, 0xee3549b9cda7c66d},
    {4, 3, false, 1, 99050, 43710, 0x3bf304f16b461397, 0xe2a962a3df71e0a4},
    {4, 4, false, 0, 17432, 16910, 0x561f06e6cdd30904, 0x919cb95ebde92080},
    {4, 4, false, 1, 19798, 9824, 0x272479281823de32, 0xee86ed3f67442cf5},
    {4, 5, false, 0, 4207, 3987, 0xed8db3c697b27aac, 0x61e76a1f09110fd5},
    {4, 5, false, 1, 4756, 2144, 0xaeada1ac10221090, 0xbbde41b7a1553f5f},
    {4, 1, true, 0, 2609670, 2628458, 0xa64dec90df6fff85, 0x2966299d84b12738},
    {4, 1, true, 1, 2881862, 1822634, 0x9cc8b839e79de755, 0xfb50e106aaecf865},
    {4, 2, true, 0, 509222, 509722, 0x7f83c73edbff6541, 0xdab8a008148e189c},
    {4, 2, true, 1, 549254, 387338, 0xbf3266a12a32113d, 0x401adad46d537045},
    {4, 3, true, 0, 107022, 107866, 0xe1179fe773180d5f, 0xfeb77a629cfd4eac},
    {4, 3, true, 1, 116158, 80658, 0xa22c94a9a3d05013, 0x46c929a7d30b35b5},
    {4, 4, true, 0, 23661, 23183, 0x6b24ececd95cfb1e, 0xd5da44818f2f8f3f},
    {4, 4, true, 1, 25245, 17107, 0xc14505cd26c0ebf8, 0x9c268199c264733d},
    {4, 5, true, 0, 6259, 6469, 0xd7eb407e3b6a031d, 0xcca0de500b255e68},
    {4, 5, true, 1, 6607, 4809, 0xe79c8e1f68578d47, 0x6ac860466a3ac01e},
    {8, 1, false, 0, 3048038, 3050374, 0xcee53e8ae3ac4705, 0x7af34fa99bb722b8},
    {8, 1, false, 1, 3292646, 1963846, 0xc8ba568c32b87d25, 0x165a01b16e52ee30},
    {8, 2, false, 0, 552166, 575558, 0xc9111967171b4715, 0x34f42b4e0d1d2a18},
    {8, 2, false, 1, 646806, 263206, 0x342fbb10571832d9, 0xd09628aaad279bf8},
    {8, 3, false, 0, 111398, 113574, 0xc62811777526a735, 0x3a62a74ba0db0910},
    {8, 3, false, 1, 133498, 54150, 0x767184c64799d747, 0xef1d6b28b0461b08},
    {8, 4, false, 0, 23722, 24314, 0xeb7a118cf94a75a7, 0x06db59e8c9b169f0},
    {8, 4, false, 1, 28468, 10704, 0x19021e926ee34cb8, 0xdf60ef38d12e016e},
    {8, 5, false, 0, 6043, 6125, 0xd4c7d15f349bcaa9, 0x95a9a5e006375933},
    {8, 5, false, 1, 7371, 2419, 0xa8538453fb95ca1c, 0xa27c820bd3ef27e9},
    {8, 1, true, 0, 3048038, 3050374, 0xcee53e8ae3ac4705, 0x7af34fa99bb722b8},
    {8, 1, true, 1, 3292646, 1963846, 0xc8ba568c32b87d25, 0x165a01b16e52ee30},
    {8, 2, true, 0, 565254, 597382, 0x00e32a6e4851e965, 0x6217bffc367c6180},
    {8, 2, true, 1, 622374, 381542, 0x4d4199407e619245, 0xef2518a94a15a9dd},
    {8, 3, true, 0, 116294, 117366, 0xfd1cc57d2ea35975, 0xba25d9fcd25d42d5},
    {8, 3, true, 1, 127510, 88454, 0x20958b93d4e4745d, 0x163560ac3f918428},
    {8, 4, true, 0, 25374, 25030, 0x9d38aa5229332639, 0x34e09ec2425ef4ed},
    {8, 4, true, 1, 27902, 19270, 0x6668974981de11c1, 0xe006a3dc956aad6d},
    {8, 5, true, 0, 6594, 6838, 0x41eda8e5cb9d9643, 0x08a811b4c154065a},
    {8, 5, true, 1, 7210, 5070, 0x0f46f57979d499bf, 0xc212e6949528b5d7},
};

}  // namespace bitsieve::swis::test
