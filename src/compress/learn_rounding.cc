#include "compress/learn_rounding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "compress/input_columns.h"
#include "compress/rounding_search.h"
#include "methods/swis/shift_sets.h"
#include "methods/uniform/uniform.h"
#include "quant/k_order.h"
#include "runtime/executor.h"

namespace bitsieve {
namespace {

// Part of the mean diagonal that is added to H's diagonal. H comes from a sample: without, the search would buy small
// gains on it with large errors, and inputs that were 0 in the sample would cost nothing.
constexpr double damping = 0.01;

// How far the aim of the weights goes towards making up for what earlier layers did to the inputs (learn_rounding.h).
constexpr double pull = 0.5;

// The values that the weights of a layer may take.
class Grid {
 public:
  explicit Grid(const LayerCode& layer, std::int64_t k) : layer_(layer), k_(k) {
    if (layer.shifts.active()) {
      known_ = true;
    } else {
      known_ = uniform::weight_code(layer.weight_code).has_value();
      top_ = (1 << (layer.weight_bits - 1)) - 1;
      bottom_ = layer.weight_code.find("-sparq") != std::string::npos ? -top_ - 1 : -top_;
    }
  }
  bool known() const { return known_; }

  // The neighbours of `target` for weight i of filter o, to get as near as may be to `aim`.
  WeightChoice choice(std::int64_t o, std::int64_t i, double target, double aim) const {
    WeightChoice c;
    c.target = aim;
    c.now = layer_.weight[static_cast<std::size_t>(o * k_ + i)];
    if (!layer_.shifts.active()) {
      c.below = static_cast<std::int16_t>(std::clamp(std::floor(target), bottom_, top_));
      c.above = static_cast<std::int16_t>(std::clamp(std::ceil(target), bottom_, top_));
      return c;
    }
    const std::uint8_t set = layer_.shifts.set[group_of_weight(layer_.shifts, k_, o, i)];
    const double magnitude = std::min(std::abs(target), 255.0);
    const int low = swis::floor_magnitude(static_cast<int>(std::floor(magnitude)), set);
    int high = swis::ceiling_magnitude(static_cast<int>(std::ceil(magnitude)), set);
    if (high > (target < 0 ? 128 : 127)) high = low;  // no +128 (quant/shared_shifts.h)
    c.below = static_cast<std::int16_t>(target < 0 ? -high : low);
    c.above = static_cast<std::int16_t>(target < 0 ? -low : high);
    return c;
  }

 private:
  const LayerCode& layer_;
  const std::int64_t k_;
  double top_ = 127, bottom_ = -127;
  bool known_ = false;
};

class Learner {
 public:
  // wanted: the node as the float network has it.
  Learner(QuantizedModel& model, const LayerPass& pass, const Node& wanted, const LayerPass& float_pass, bool centred,
          int threads)
      : model_(model),
        pass_(pass),
        float_pass_(float_pass),
        node_(model.graph.nodes[pass.node()]),
        layer_(model.layers[pass.node()]),
        shape_(layer_shape(model, pass.node())),
        grid_(layer_, shape_.k),
        weights_(weights_in_k_order(node_)),
        wanted_weights_(weights_in_k_order(wanted)),
        centred_(centred),
        threads_(threads),
        results_(static_cast<std::size_t>(shape_.groups * shape_.filters)) {}

  // Why the layer has to stay as it is; empty if it does not.
  std::string obstacle() const {
    if (!grid_.known()) return fmt::format("its weight code '{}' has a grid of its own", layer_.weight_code);
    if (shape_.k > longest_learned_filter)
      return fmt::format("its filters have {} weights, more than {}", shape_.k, longest_learned_filter);
    return "";
  }

  LearnedLayer run() {
    // Groups together, so that their neighbouring channels are read together; one group gets all threads.
    const std::int64_t depth = filter_depth(node_);
    const std::int64_t together = std::clamp<std::int64_t>(64 / depth, 1, shape_.groups);
    const std::int64_t blocks = (shape_.groups + together - 1) / together;
    const std::int64_t most = std::min(most_columns, std::max<std::int64_t>(4096, 4 * shape_.k));
    LearnedLayer report;
    report.node = node_.name;
    report.weights = static_cast<std::int64_t>(layer_.weight.size());
    report.columns = std::min(most, pass_.images() * shape_.positions);
    parallel_for(blocks, blocks > 1 ? threads_ : 1, [&](std::int64_t b, int) {
      const std::int64_t first = b * together, groups = std::min(together, shape_.groups - first);
      const int threads = blocks > 1 ? 1 : threads_;
      const InputColumns columns = input_columns(model_, pass_, first, groups, most, threads);
      const InputColumns off = input_differences(model_, pass_, float_pass_, first, groups, most, threads);
      for (std::int64_t g = 0; g < groups; ++g) learn_group(columns, off, g, first + g, threads);
    });
    double signal = 0;
    for (std::size_t o = 0; o < results_.size(); ++o) {
      const double square = static_cast<double>(layer_.weight_scale[o]) * layer_.weight_scale[o];
      signal += square * results_[o].signal;
      report.before += square * results_[o].before;
      report.after += square * results_[o].after;
      report.changed += results_[o].changed;
    }
    if (signal > 0) {
      report.before /= signal;
      report.after /= signal;
    }
    return report;
  }

 private:
  void learn_group(const InputColumns& columns, const InputColumns& off, std::int64_t row, std::int64_t group,
                   int threads) {
    const std::int64_t k = shape_.k;
    Rows rows;
    for (std::int64_t i = 0; i < k; ++i) rows.push_back(columns.row(row * k + i));
    const std::vector<double> diagonal = gram_diagonal(rows, columns.count, centred_);
    const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) / static_cast<double>(k);
    if (!(mean > 0)) return;  // nothing ever reaches these filters
    // The search goes from the last weight to the first: those that matter most come first, the others make up for
    // their errors.
    std::vector<std::int64_t> order(static_cast<std::size_t>(k));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return diagonal[static_cast<std::size_t>(a)] < diagonal[static_cast<std::size_t>(b)];
    });
    Rows ordered, differences;
    for (const std::int64_t i : order) {
      ordered.push_back(rows[static_cast<std::size_t>(i)]);
      differences.push_back(off.row(row * k + i));
    }
    const Matrix c = cross_gram(ordered, differences, columns.count, centred_, threads);
    Matrix h = gram(ordered, columns.count, centred_, threads);
    for (std::int64_t i = 0; i < k; ++i) h.row(i)[i] += damping * mean;
    const RoundingSearch search(std::move(h), threads);
    std::vector<std::int64_t> filters;
    for (std::int64_t o = group * shape_.filters; o < (group + 1) * shape_.filters; ++o) {
      // A filter of zeros is a constant: its weights vanish beside its bias (compress/quantize.cc).
      const auto q = layer_.weight.begin() + o * k;
      if (std::any_of(q, q + k, [](std::int8_t w) { return w != 0; })) filters.push_back(o);
    }
    const auto count = static_cast<std::int64_t>(filters.size());
    parallel_for((count + search.lanes - 1) / search.lanes, threads, [&](std::int64_t b, int) {
      const auto end = filters.begin() + std::min(count, (b + 1) * search.lanes);
      learn_filters(search, c, order, {filters.begin() + b * search.lanes, end});
    });
  }

  // Of `weights`, in steps of the filter's scale.
  double real_weight(const std::vector<float>& weights, std::int64_t o, std::int64_t i) const {
    return weights[static_cast<std::size_t>(o * shape_.k + i)] /
           static_cast<double>(layer_.weight_scale[static_cast<std::size_t>(o)]);
  }

  // d = H^-1 C u of up to `lanes` filters: [k][lanes], in `order`.
  std::vector<double> corrections(const RoundingSearch& search, const Matrix& c, const std::vector<std::int64_t>& order,
                                  const std::vector<std::int64_t>& filters) const {
    constexpr std::int64_t lanes = RoundingSearch::lanes;
    std::vector<double> weight(static_cast<std::size_t>(shape_.k * lanes), 0.0), result = weight;
    for (std::size_t l = 0; l < filters.size(); ++l) {
      for (std::size_t i = 0; i < order.size(); ++i)
        weight[i * lanes + l] = real_weight(wanted_weights_, filters[l], order[i]);
    }
    for (std::int64_t i = 0; i < shape_.k; ++i) {
      const double* row = c.row(i);
      double* sum = result.data() + i * lanes;
      for (std::int64_t j = 0; j < shape_.k; ++j) {
        for (std::int64_t l = 0; l < lanes; ++l) sum[l] += row[j] * weight[static_cast<std::size_t>(j * lanes + l)];
      }
      for (std::int64_t l = 0; l < lanes; ++l) sum[l] /= difference_units;
    }
    search.solve(result);
    return result;
  }

  void learn_filters(const RoundingSearch& search, const Matrix& c, const std::vector<std::int64_t>& order,
                     const std::vector<std::int64_t>& filters) {
    const std::int64_t k = shape_.k;
    const std::vector<double> correction = corrections(search, c, order, filters);
    std::vector<WeightChoice> choices;
    for (std::size_t l = 0; l < filters.size(); ++l) {
      for (std::size_t i = 0; i < order.size(); ++i) {
        const double aim =
            real_weight(wanted_weights_, filters[l], order[i]) + pull * correction[i * RoundingSearch::lanes + l];
        choices.push_back(grid_.choice(filters[l], order[i], real_weight(weights_, filters[l], order[i]), aim));
        // 2:4 mode: what is pruned stays pruned.
        if (layer_.transform.two_of_four && choices.back().now == 0) choices.back().below = choices.back().above = 0;
      }
    }
    const std::vector<FilterResult> results = search.run(choices);
    for (std::size_t l = 0; l < filters.size(); ++l) {
      results_[static_cast<std::size_t>(filters[l])] = results[l];
      for (std::size_t i = 0; i < order.size(); ++i) {
        layer_.weight.edit()[static_cast<std::size_t>(filters[l] * k + order[i])] =
            static_cast<std::int8_t>(choices[l * order.size() + i].now);
      }
    }
  }

  const QuantizedModel& model_;
  const LayerPass &pass_, &float_pass_;
  const Node& node_;
  LayerCode& layer_;
  const LayerShape shape_;
  const Grid grid_;
  const std::vector<float> weights_, wanted_weights_;  // float, in K order: of the model's graph, of the float network
  const bool centred_;
  const int threads_;
  std::vector<FilterResult> results_;  // by filter
};

}  // namespace

RoundingLearner::RoundingLearner(QuantizedModel& model, const Graph& float_graph, std::int64_t images,
                                 const ImageLoader& image, bool centred, int threads)
    : model_(model),
      float_model_((check_same_nodes(model.graph, float_graph), float_model(float_graph))),
      float_pass_(float_model_, images, image, threads),
      centred_(centred),
      threads_(threads) {
  report_.images = images;
}

void RoundingLearner::learn(const LayerPass& pass) {
  const Node& node = model_.graph.nodes[pass.node()];
  if (!model_.layers[pass.node()].integer || !has_weights(node)) return;
  while (float_pass_.node() < pass.node()) float_pass_.advance();
  Learner learner(model_, pass, float_model_.graph.nodes[pass.node()], float_pass_, centred_, threads_);
  const std::string obstacle = learner.obstacle();
  if (obstacle.empty()) {
    report_.layers.push_back(learner.run());
  } else {
    report_.warnings.push_back(fmt::format("learned rounding: layer '{}' stays as it was: {}", node.name, obstacle));
  }
}

LearnRoundingReport learn_rounding(QuantizedModel& model, const Graph& float_graph, std::int64_t images,
                                   const ImageLoader& image, bool centred, int threads,
                                   const std::function<void(std::int64_t)>& progress) {
  RoundingLearner learner(model, float_graph, images, image, centred, threads);
  for (LayerPass pass(model, images, image, threads); !pass.done(); pass.advance()) {
    learner.learn(pass);
    if (progress) progress(static_cast<std::int64_t>(pass.node()) + 1);
  }
  return learner.report();
}

}  // namespace bitsieve
