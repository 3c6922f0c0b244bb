// Everything that running a quantized model relies on, checked in one place. The executor trusts what passes here, so a
// model from a file must pass before anything else is done with it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "quant/model.h"

namespace bitsieve {

// Checks the graph (bitsieve::validate(graph) and what it takes for granted), the codes of values and layers, and that
// they fit together: sizes, ranges, types, tables, and that no int32 sum can overflow. Throws Error, one line that
// names `origin`, the node or value, and what is wrong.
void validate(const QuantizedModel& model, const std::string& origin);

namespace pack {

// Limits of what a file may ask for; far above real networks.
inline constexpr std::size_t max_records = 1 << 16;  // values; nodes
inline constexpr std::size_t max_name = 4096;        // bytes of a name
inline constexpr std::size_t max_rank = 8;
inline constexpr std::int64_t max_extent = std::int64_t{1} << 30;        // of a shape; also a slice's steps
inline constexpr std::int64_t max_elements = std::int64_t{1} << 30;      // of all values of one image together
inline constexpr std::int64_t max_window_steps = std::int64_t{1} << 28;  // outputs times taps of a conv or pool

// The parts of validate, without the origin in their messages. Params of integer layers may be shapes without elements.
void check_graph(const Graph& graph);
void check_codes(const QuantizedModel& model);  // needs check_graph

// At most max_name bytes, no control characters (an error message is one line). `where` is named in the error.
void check_name(std::string_view name, const std::string& where);

}  // namespace pack
}  // namespace bitsieve
