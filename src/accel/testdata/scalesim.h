// What SCALE-Sim v2 (commit 22f88b1) reported, unmodified, through its public class: bandwidth CALC, 64 KB buffers. Its
// figure is the index of the last cycle, one less than the count of cycles.
#pragma once
#include <cstdint>
#include <vector>

namespace bitsieve::accel::scalesim {

// ResNet-18 as SCALE-Sim ships it: without padding, 1,471,181,568 multiplications.
inline constexpr const char* resnet18 =
    R"(Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
Conv1,224,224,7,7,3,64,2,
Conv2_1a,56,56,3,3,64,64,1,
Conv2_1b,56,56,3,3,64,64,1,
Conv2_2a,56,56,3,3,64,64,1,
Conv2_2b,56,56,3,3,64,64,1,
Conv3_1a,56,56,3,3,64,128,2,
Conv3_1b,28,28,3,3,128,128,1,
Conv3_s,56,56,1,1,64,128,2,
Conv3_2a,28,28,3,3,128,128,1,
Conv3_2b,28,28,3,3,128,128,1,
Conv4_1a,28,28,3,3,128,256,2,
Conv4_1b,14,14,3,3,256,256,1,
Conv4_s,28,28,1,1,128,256,2,
Conv4_2a,14,14,3,3,256,256,1,
Conv4_2b,14,14,3,3,256,256,1,
Conv5_1a,14,14,3,3,256,512,2,
Conv5_1b,7,7,3,3,512,512,1,
Conv5_s,14,14,1,1,256,512,2,
Conv5_2a,7,7,3,3,512,512,1,
Conv5_2b,7,7,3,3,512,512,1,
FC,1,1,1,1,512,1000,1,
)";

// The real network, 1,814,073,344 multiplications; sizes are those of the padded images.
inline constexpr const char* resnet18_padded =
    R"(Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
conv1,229,229,7,7,3,64,2,
l1_0a,58,58,3,3,64,64,1,
l1_0b,58,58,3,3,64,64,1,
l1_1a,58,58,3,3,64,64,1,
l1_1b,58,58,3,3,64,64,1,
l2_0a,57,57,3,3,64,128,2,
l2_0b,30,30,3,3,128,128,1,
l2_0d,55,55,1,1,64,128,2,
l2_1a,30,30,3,3,128,128,1,
l2_1b,30,30,3,3,128,128,1,
l3_0a,29,29,3,3,128,256,2,
l3_0b,16,16,3,3,256,256,1,
l3_0d,27,27,1,1,128,256,2,
l3_1a,16,16,3,3,256,256,1,
l3_1b,16,16,3,3,256,256,1,
l4_0a,15,15,3,3,256,512,2,
l4_0b,9,9,3,3,512,512,1,
l4_0d,13,13,1,1,256,512,2,
l4_1a,9,9,3,3,512,512,1,
l4_1b,9,9,3,3,512,512,1,
fc,1,1,1,1,512,1000,1,
)";

// Four layers of it.
inline constexpr const char* four_layers =
    R"(Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
l3_0d,27,27,1,1,128,256,2,
l4_0a,15,15,3,3,256,512,2,
l4_0d,13,13,1,1,256,512,2,
fc,1,1,1,1,512,1000,1,
)";

// resnet18, output stationary, 16 x 16
inline const std::vector<std::int64_t> os_16 = {535955, 443591, 443591, 443591, 443591, 237551, 406607,
                                                39855,  406607, 406607, 245855, 336095, 37919,  336095,
                                                336095, 298751, 296831, 36607,  296831, 296831, 34145};
// resnet18, output stationary, 32 x 32
inline const std::vector<std::int64_t> os_32 = {158421, 117391, 117391, 117391, 117391, 63799, 106831,
                                                13607,  106831, 106831, 67983,  94639,  12159, 94639,
                                                94639,  75711,  74719,  10175,  74719,  74719, 18367};
// four_layers, 32 x 32
inline const std::vector<std::int64_t> four_os_32 = {10639, 75711, 10175, 18367};
// four_layers, weight stationary
inline const std::vector<std::int64_t> four_ws_32 = {9279, 164735, 18303, 48639};
// four_layers, input stationary
inline const std::vector<std::int64_t> four_is_32 = {9799, 87263, 9695, 17503};

}  // namespace bitsieve::accel::scalesim
