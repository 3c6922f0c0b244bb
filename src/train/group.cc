#include "train/group.h"

#include <chrono>
#include <cstring>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "base/error.h"

namespace bitsieve::train {
namespace {

// torch's messages go on for lines.
std::string first_line(const std::exception& e) {
  const std::string text = e.what();
  return text.substr(0, text.find('\n'));
}

struct SumOf : torch::autograd::Function<SumOf> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x, std::int64_t group) {
    context->saved_data["group"] = group;
    torch::Tensor sum = x.detach().clone();
    reinterpret_cast<const Group*>(group)->sum(sum);
    return sum;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradient) {
    torch::Tensor sum = gradient[0].contiguous().clone();
    reinterpret_cast<const Group*>(context->saved_data["group"].toInt())->sum(sum);
    return {sum, torch::Tensor()};
  }
};

}  // namespace

struct Group::Connection {
  c10::intrusive_ptr<c10d::TCPStore> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

Group::Group(const JobPart& part, double seconds) : part_(part), seconds_(seconds), connection_(new Connection) {
  if (part.size == 1) return;
  const auto timeout = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  try {
    c10d::TCPStoreOptions store;
    store.port = static_cast<std::uint16_t>(part.port);
    store.isServer = part.rank == 0;
    store.numWorkers = static_cast<std::size_t>(part.size);
    store.timeout = timeout;
    connection_->store = c10::make_intrusive<c10d::TCPStore>(part.address, store);
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    const char* const interface = std::getenv("GLOO_SOCKET_IFNAME");
    const bool here = part.address == "127.0.0.1" || part.address == "localhost";
    options->devices.push_back(interface != nullptr ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                               : here               ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                                    : c10d::ProcessGroupGloo::createDefaultDevice());
    options->threads = 2;
    connection_->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(connection_->store, part.rank, part.size, options);
  } catch (const std::exception& e) {
    fail(
        "training in {} processes: rank {} did not meet the others at {}:{} within {} s (MASTER_ADDR and MASTER_PORT "
        "say where rank 0 is; {})",
        part.size, part.rank, part.address, part.port, seconds, first_line(e));
  }
}

Group::~Group() = default;

template <class Exchange>
void Group::with_others(const Exchange& exchange) const {
  try {
    exchange();
  } catch (const std::exception& e) {
    fail("training in {} processes: rank {} lost one of the others, or it did not answer within {} s ({})", part_.size,
         part_.rank, seconds_, first_line(e));
  }
}

std::optional<std::string> Group::of_first(const std::optional<std::string>& bytes) const {
  if (part_.size == 1) return bytes;
  std::optional<std::string> result;
  with_others([&] {
    const bool first = part_.rank == 0;
    std::vector<torch::Tensor> size{torch::full({1}, first && bytes ? static_cast<std::int64_t>(bytes->size()) : -1)};
    connection_->gloo->broadcast(size)->wait();
    const auto count = size[0].item<std::int64_t>();
    if (count < 0) return;
    std::vector<torch::Tensor> content{torch::empty({count}, torch::kUInt8)};
    if (first) std::memcpy(content[0].data_ptr(), bytes->data(), bytes->size());
    if (count > 0) connection_->gloo->broadcast(content)->wait();
    result.emplace(static_cast<const char*>(content[0].data_ptr()), static_cast<std::size_t>(count));
  });
  return result;
}

void Group::require_agreement(const std::map<std::string, std::string>& values) const {
  if (part_.size == 1) return;
  // Each entry as name, value, both ended by a zero.
  std::string mine;
  for (const auto& [name, value] : values) mine += name + '\0' + value + '\0';
  const std::string first = of_first(mine).value_or("");
  const torch::Tensor differ = torch::full({1}, first == mine ? 0.0f : 1.0f);
  sum(differ);
  if (differ.item<float>() == 0) return;
  for (std::size_t at = 0; at < first.size();) {
    const std::string name = first.c_str() + at, value = first.c_str() + at + name.size() + 1;
    const auto own = values.find(name);
    if (own == values.end() || own->second != value)
      fail("training in {} processes: {} is {} at rank {} and {} at rank 0; start all with the same command",
           part_.size, name, own == values.end() ? "unknown" : own->second, part_.rank, value);
    at += name.size() + value.size() + 2;
  }
  fail("training in {} processes: they were started with different commands (another one says what differs)",
       part_.size);
}

void Group::sum(const std::vector<torch::Tensor>& tensors) const {
  if (part_.size == 1 || tensors.empty()) return;
  with_others([&] {
    // One message for all.
    std::vector<torch::Tensor> flat;
    for (const torch::Tensor& t : tensors) flat.push_back(t.detach().cpu().reshape(-1));
    std::vector<torch::Tensor> all{torch::cat(flat)};
    connection_->gloo->allreduce(all)->wait();
    std::int64_t at = 0;
    for (const torch::Tensor& t : tensors) {
      t.detach().copy_(all[0].narrow(0, at, t.numel()).view(t.sizes()));
      at += t.numel();
    }
  });
}

torch::Tensor Group::sum_of(const torch::Tensor& x) const {
  return SumOf::apply(x, reinterpret_cast<std::int64_t>(this));
}

torch::Tensor batch_norm(const Group& group, const torch::Tensor& x, const torch::Tensor& gamma,
                         const torch::Tensor& beta, const torch::Tensor& running_mean,
                         const torch::Tensor& running_variance, double momentum, double epsilon) {
  std::vector<std::int64_t> axes, shape(static_cast<std::size_t>(x.dim()), 1);
  for (std::int64_t axis = 0; axis < x.dim(); ++axis) {
    if (axis != 1) axes.push_back(axis);
  }
  shape[1] = x.size(1);
  const double count = static_cast<double>(x.numel() / x.size(1)) * group.size();
  const torch::Tensor mean = group.sum_of(x.sum(axes)) / count;
  const torch::Tensor centered = x - mean.view(shape);
  const torch::Tensor variance = group.sum_of(centered.square().sum(axes)) / count;
  {
    const torch::NoGradGuard guard;
    torch::Tensor(running_mean).lerp_(mean, momentum);
    torch::Tensor(running_variance).lerp_(variance * (count / std::max(count - 1, 1.0)), momentum);
  }
  return centered * (gamma * torch::rsqrt(variance + epsilon)).view(shape) + beta.view(shape);
}

}  // namespace bitsieve::train
