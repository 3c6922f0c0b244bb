// The training methods by name. Free of torch.
#pragma once
#include <string>
#include <vector>

namespace bitsieve::train {

struct MethodName {
  std::string name, description;
  bool quantizes;  // activations are 8 bits unless something else is asked for
};

std::vector<MethodName> method_names();

// Throws Error that lists the names.
MethodName require_method_name(const std::string& name);

}  // namespace bitsieve::train
