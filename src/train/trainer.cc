#include "train/trainer.h"

#include <chrono>
#include <cmath>

#include "base/error.h"

namespace bitsieve::train {
namespace {

namespace F = torch::nn::functional;
using Clock = std::chrono::steady_clock;

// The batch must outlive it.
torch::Tensor images_of(Batch& batch, const GraphModule& module) {
  const Shape& input = module.source().shape(module.source().input);
  const auto count = static_cast<std::int64_t>(batch.labels.size());
  return torch::from_blob(batch.images.data(), {count, input[0], input[1], input[2]}).to(module.device());
}

std::vector<float> numbers_of(const torch::Tensor& t) {
  const torch::Tensor flat = t.detach().cpu().contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

void set_numbers(torch::Tensor t, const std::vector<float>& numbers) {
  const torch::NoGradGuard guard;
  t.copy_(torch::from_blob(const_cast<float*>(numbers.data()), t.sizes()));
}

const std::vector<float>& numbers_for(const State& state, const std::string& name, const torch::Tensor& t) {
  return state.array(name, static_cast<std::size_t>(t.numel()));
}

// Under which torch's optimizers keep what they know of a variable.
std::string key_of(const torch::Tensor& parameter) { return c10::guts::to_string(parameter.unsafeGetTensorImpl()); }

torch::Tensor momentum_of(const torch::optim::SGD& sgd, const torch::Tensor& parameter) {
  const auto found = sgd.state().find(key_of(parameter));
  if (found == sgd.state().end()) return {};
  return static_cast<const torch::optim::SGDParamState&>(*found->second).momentum_buffer();
}

}  // namespace

Trainer::Trainer(GraphModule& module, Method& method, BatchStream& batches, const TrainerOptions& options,
                 GraphModule* teacher, const Group* group)
    : module_(module), method_(method), batches_(batches), options_(options), teacher_(teacher), group_(group) {
  options_.schedule.epochs = options_.epochs;
  method_.attach(module_);
  make_optimizer();
}

void Trainer::make_optimizer() {
  std::vector<torch::Tensor> trained;
  for (const torch::Tensor& parameter : module_.parameters()) {
    if (parameter.requires_grad()) trained.push_back(parameter);
  }
  sgd_ = std::make_unique<torch::optim::SGD>(
      trained,
      torch::optim::SGDOptions(options_.schedule.rate).momentum(options_.momentum).weight_decay(options_.decay));
}

torch::Tensor Trainer::loss_of(const torch::Tensor& scores, const torch::Tensor& labels,
                               const torch::Tensor& images) const {
  const auto criterion = F::CrossEntropyFuncOptions().label_smoothing(options_.label_smoothing);
  const torch::Tensor loss = F::cross_entropy(scores, labels, criterion);
  if (teacher_ == nullptr || options_.distill == 0) return loss;
  torch::Tensor wanted;
  {
    const torch::NoGradGuard guard;
    wanted = torch::softmax(teacher_->forward(images) / options_.temperature, 1);
  }
  const torch::Tensor away = -(wanted * torch::log_softmax(scores / options_.temperature, 1)).sum(1).mean();
  const double share = options_.distill * options_.temperature * options_.temperature;
  return (1 - options_.distill) * loss + share * away;
}

double Trainer::learn(int epoch, std::int64_t b, bool stop) {
  Batch batch = batches_.take(options_.first_epoch + epoch, b);
  const torch::Tensor x = images_of(batch, module_);
  const torch::Tensor y =
      torch::from_blob(batch.labels.data(), {static_cast<std::int64_t>(batch.labels.size())}, torch::kLong)
          .to(module_.device());
  const double rate = options_.schedule.at(epoch + static_cast<double>(b) / static_cast<double>(batches_.batches()));
  for (auto& group : sgd_->param_groups()) static_cast<torch::optim::SGDOptions&>(group.options()).lr(rate);
  sgd_->zero_grad();
  const torch::Tensor scores = module_.forward(x);
  const torch::Tensor loss = loss_of(scores, y, x);
  // What has to be known of all processes: loss, correct, seen, and whether one was asked to stop.
  const torch::Tensor facts =
      torch::tensor({loss.item<double>(), static_cast<double>(scores.argmax(1).eq(y).sum().item<std::int64_t>()),
                     static_cast<double>(batch.labels.size()), stop ? 1.0 : 0.0},
                    torch::kDouble);
  const double processes = group_ != nullptr ? group_->size() : 1;
  if (group_ != nullptr) group_->sum(facts);
  const double value = facts[0].item<double>() / processes;
  if (!std::isfinite(value))
    fail("training: the loss is {} in epoch {}, batch {}; a lower learning rate may help", value,
         options_.first_epoch + epoch + 1, b + 1);
  loss.backward();
  if (group_ != nullptr) share_gradients();
  method_.regularize();
  sgd_->step();
  method_.step(rate, options_.momentum);
  if (options_.average > 0) update_averages();
  loss_ += value;
  correct_ += facts[1].item<double>();
  seen_ += facts[2].item<double>();
  stopped_ = facts[3].item<double>() > 0;
  return rate;
}

// Means over the processes' batches.
void Trainer::share_gradients() {
  if (group_->size() == 1) return;
  std::vector<torch::Tensor> gradients;
  const auto add = [&](const torch::Tensor& variable) {
    if (variable.requires_grad() && variable.grad().defined()) gradients.push_back(variable.grad());
  };
  for (const torch::Tensor& variable : module_.parameters()) add(variable);
  for (const torch::Tensor& variable : method_.variables()) add(variable);
  group_->sum(gradients);
  for (torch::Tensor& gradient : gradients) gradient.div_(group_->size());
}

bool Trainer::run(const Watch& watch) {
  const std::int64_t batches = batches_.batches();
  while (epoch_ < options_.epochs) {
    module_.train();
    double rate = 0;
    while (batch_ < batches) {
      const auto start = Clock::now();
      const double done = epoch_ + static_cast<double>(batch_) / static_cast<double>(batches);
      if (method_.begin_step(module_, done, options_.epochs)) make_optimizer();
      rate = learn(epoch_, batch_++, watch.stop != nullptr && watch.stop->load());
      seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
      if (watch.progress) watch.progress(epoch_, batch_);
      if (batch_ == batches || !stopped_) continue;
      require_numbers();
      if (watch.checkpoint) watch.checkpoint();
      return false;
    }
    const EpochReport done = report(rate);
    ++epoch_;
    batch_ = 0;
    loss_ = correct_ = seen_ = seconds_ = 0;
    if (watch.report) watch.report(done);
    require_numbers();
    if (watch.checkpoint) watch.checkpoint();
    if (epoch_ < options_.epochs && stopped_) return false;
  }
  method_.begin_step(module_, options_.epochs, options_.epochs);
  if (options_.average > 0) take_averages();
  method_.finish(module_);
  if (options_.norm_batches > 0) recalibrate_norms();
  module_.eval();
  return true;
}

// Nothing that is lost already is kept in place of a good state.
void Trainer::require_numbers() const {
  const auto check = [&](const torch::Tensor& variable) {
    if (!torch::isfinite(variable.detach()).all().item<bool>())
      fail("training: variables are no numbers any more in epoch {}; a lower learning rate may help",
           options_.first_epoch + epoch_ + (batch_ > 0 ? 1 : 0));
  };
  for (const torch::Tensor& variable : module_.parameters()) check(variable);
  for (const torch::Tensor& variable : module_.buffers()) check(variable);
  for (const torch::Tensor& variable : method_.variables()) check(variable);
}

EpochReport Trainer::report(double rate) const {
  EpochReport done;
  done.epoch = epoch_ + 1;
  done.epochs = options_.epochs;
  done.loss = loss_ / static_cast<double>(batches_.batches());
  done.accuracy = 100.0 * correct_ / seen_;
  done.rate = rate;
  done.seconds = seconds_;
  const std::vector<LayerBits> layers = method_.layer_bits();
  for (const LayerBits& layer : layers) done.bits.push_back(layer.bits);
  done.mean_bits = magnitude_bits(layers);
  return done;
}

// The first steps count for less, so that the start is soon forgotten.
void Trainer::update_averages() {
  const torch::NoGradGuard guard;
  const double steps =
      static_cast<double>(epoch_) * static_cast<double>(batches_.batches()) + static_cast<double>(batch_);
  const double keep = std::min(options_.average, (1 + steps) / (10 + steps));
  const auto update = [&](const std::string& name, const torch::Tensor& now) {
    torch::Tensor& average = averages_[name];
    if (!average.defined()) average = now.detach().clone();
    average.mul_(keep).add_(now.detach(), 1 - keep);
  };
  for (const auto& item : module_.named_parameters()) {
    if (item.value().requires_grad()) update("variable " + item.key(), item.value());
  }
  for (const auto& item : module_.named_buffers()) update("buffer " + item.key(), item.value());
}

void Trainer::take_averages() {
  const torch::NoGradGuard guard;
  for (auto& item : module_.named_parameters()) {
    if (const auto found = averages_.find("variable " + item.key()); found != averages_.end())
      item.value().copy_(found->second);
  }
  for (auto& item : module_.named_buffers()) {
    if (const auto found = averages_.find("buffer " + item.key()); found != averages_.end())
      item.value().copy_(found->second);
  }
}

// Weights that change fast, as BSQ's do where planes vanish, leave the running statistics behind. The batches are those
// of the epoch after the last.
void Trainer::recalibrate_norms() {
  const torch::NoGradGuard guard;
  module_.train();
  const std::int64_t count = std::min<std::int64_t>(options_.norm_batches, batches_.batches());
  for (std::int64_t b = 0; b < count; ++b) {
    Batch batch = batches_.take(options_.first_epoch + options_.epochs, b);
    module_.norm_momentum = 1.0 / static_cast<double>(b + 1);  // the mean of all so far
    module_.forward(images_of(batch, module_));
  }
  module_.norm_momentum = GraphModule::usual_norm_momentum;
}

void Trainer::save(State& state) const {
  state.numbers["epoch"] = epoch_;
  state.numbers["batch"] = static_cast<double>(batch_);
  state.numbers["loss"] = loss_;
  state.numbers["correct"] = correct_;
  state.numbers["seen"] = seen_;
  state.numbers["seconds"] = seconds_;
  for (const auto& item : module_.named_parameters()) {
    state.arrays["variable " + item.key()] = numbers_of(item.value());
    if (const torch::Tensor momentum = momentum_of(*sgd_, item.value()); momentum.defined())
      state.arrays["momentum " + item.key()] = numbers_of(momentum);
  }
  for (const auto& item : module_.named_buffers()) state.arrays["buffer " + item.key()] = numbers_of(item.value());
  for (const auto& [name, average] : averages_) state.arrays["average " + name] = numbers_of(average);
  method_.save(state);
}

void Trainer::load(const State& state) {
  const std::int64_t epoch = state.whole("epoch"), batch = state.whole("batch");
  if (epoch < 0 || epoch > options_.epochs || batch < 0 || batch >= batches_.batches())
    fail("the state stands at epoch {}, batch {}; there are {} of {}", epoch, batch, options_.epochs,
         batches_.batches());
  epoch_ = static_cast<int>(epoch);
  batch_ = batch;
  loss_ = state.number("loss");
  correct_ = state.number("correct");
  seen_ = state.number("seen");
  seconds_ = state.number("seconds");
  method_.load(state);
  make_optimizer();
  for (auto& item : module_.named_parameters()) {
    set_numbers(item.value(), numbers_for(state, "variable " + item.key(), item.value()));
    const std::string name = "momentum " + item.key();
    if (!item.value().requires_grad() || !state.arrays.contains(name)) continue;
    const torch::Tensor momentum = torch::empty_like(item.value(), torch::TensorOptions().requires_grad(false));
    set_numbers(momentum, numbers_for(state, name, item.value()));
    auto its_state = std::make_unique<torch::optim::SGDParamState>();
    its_state->momentum_buffer(momentum);
    sgd_->state()[key_of(item.value())] = std::move(its_state);
  }
  for (auto& item : module_.named_buffers())
    set_numbers(item.value(), numbers_for(state, "buffer " + item.key(), item.value()));
  averages_.clear();
  for (const auto& [name, numbers] : state.arrays) {
    if (!name.starts_with("average ")) continue;
    const std::string of = name.substr(8);
    const torch::Tensor* same = nullptr;
    const auto parameters = module_.named_parameters(), buffers = module_.named_buffers();
    if (of.starts_with("variable ")) same = parameters.find(of.substr(9));
    if (of.starts_with("buffer ")) same = buffers.find(of.substr(7));
    if (same == nullptr) fail("the state has an average of '{}', which the network does not have", of);
    torch::Tensor average = torch::empty_like(*same, torch::TensorOptions().requires_grad(false));
    set_numbers(average, numbers_for(state, name, average));
    averages_[of] = average;
  }
}

}  // namespace bitsieve::train
