// The open functions behind the table in dataset.cc. Private to this library.
#pragma once
#include <memory>
#include <string>

#include "data/dataset.h"

namespace bitsieve {

std::unique_ptr<Dataset> open_fashion_mnist(const std::string& where, bool need_labels);
std::unique_ptr<Dataset> open_mnist(const std::string& where, bool need_labels);
std::unique_ptr<Dataset> open_cifar10(const std::string& where, bool need_labels);
std::unique_ptr<Dataset> open_image_folder(const std::string& where, bool need_labels);
std::unique_ptr<Dataset> open_image(const std::string& where, bool need_labels);
std::unique_ptr<Dataset> open_npy(const std::string& where, bool need_labels);

}  // namespace bitsieve
