// The machines of the table, one file each.
#pragma once
#include "accel/machine.h"

namespace bitsieve::accel {

Timing time_systolic_os(const Layer& layer, const Parameters& parameters);
Timing time_systolic_ws(const Layer& layer, const Parameters& parameters);
Timing time_systolic_is(const Layer& layer, const Parameters& parameters);
Timing time_sparq_systolic(const Layer& layer, const Parameters& parameters);
Timing time_dot_product(const Layer& layer, const Parameters& parameters);
Timing time_sparq_dot_product(const Layer& layer, const Parameters& parameters);
Timing time_sparse_dot_product(const Layer& layer, const Parameters& parameters);
Timing time_sparq_sparse_dot_product(const Layer& layer, const Parameters& parameters);
Timing time_weight_serial(const Layer& layer, const Parameters& parameters);
Timing time_swis_single(const Layer& layer, const Parameters& parameters);
Timing time_swis_double(const Layer& layer, const Parameters& parameters);
Timing time_swis_c(const Layer& layer, const Parameters& parameters);
Timing time_bitwave(const Layer& layer, const Parameters& parameters);
Timing time_loom(const Layer& layer, const Parameters& parameters);
Timing time_bit_fusion(const Layer& layer, const Parameters& parameters);
Timing time_stripes(const Layer& layer, const Parameters& parameters);
Timing time_bit_pragmatic(const Layer& layer, const Parameters& parameters);
Timing time_laconic(const Layer& layer, const Parameters& parameters);

Output output_systolic_os(const Operands& operands, const Parameters& parameters);
Output output_systolic_folds(const Operands& operands, const Parameters& parameters);
Output output_sparq_systolic(const Operands& operands, const Parameters& parameters);
Output output_dot_product(const Operands& operands, const Parameters& parameters);
Output output_sparq_dot_product(const Operands& operands, const Parameters& parameters);
Output output_sparse_dot_product(const Operands& operands, const Parameters& parameters);
Output output_sparq_sparse_dot_product(const Operands& operands, const Parameters& parameters);
Output output_weight_serial(const Operands& operands, const Parameters& parameters);
Output output_swis_single(const Operands& operands, const Parameters& parameters);
Output output_swis_double(const Operands& operands, const Parameters& parameters);
Output output_swis_c(const Operands& operands, const Parameters& parameters);
Output output_bitwave(const Operands& operands, const Parameters& parameters);
Output output_loom(const Operands& operands, const Parameters& parameters);
Output output_bit_fusion(const Operands& operands, const Parameters& parameters);
Output output_stripes(const Operands& operands, const Parameters& parameters);
Output output_bit_pragmatic(const Operands& operands, const Parameters& parameters);
Output output_laconic(const Operands& operands, const Parameters& parameters);

}  // namespace bitsieve::accel
