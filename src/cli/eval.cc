// bitsieve eval: accuracy of the float network on labelled images.
#include <cstdio>

#include "cli/common.h"
#include "runtime/executor.h"

namespace bitsieve::cli {

void add_eval(CLI::App& app) {
  auto* verb = app.add_subcommand("eval", "accuracy of the float network, with its 95 % interval");
  auto options = std::make_shared<CommonOptions>();
  add_model(*verb, *options);
  add_data(*verb, *options);
  verb->callback([options] {
    const Graph graph = load_graph(*options);
    const Preprocessing preprocessing = load_preprocessing(*options);
    const auto data = open_dataset(options->data, true);
    const Batch batch = load_batch(*data, preprocessing, graph.shape(graph.input), options->limit, options->seed, options->threads);
    const Evaluation result = evaluate(float_model(graph), batch, options->threads);
    const auto interval = wilson_interval(result.correct, result.count);
    if (json_wanted(*options)) {
      const nlohmann::json document{{"model", options->model}, {"top1", result.top1()}, {"top5", result.top5()},
                                    {"top1_ci95", interval}, {"count", result.count}, {"correct", result.correct},
                                    {"images_per_second", result.images_per_second()}};
      std::printf("%s\n", document.dump(1).c_str());
    } else {
      std::printf("top-1 %.2f %% (95 %%: %.2f to %.2f), top-5 %.2f %%, %lld of %lld correct, %.0f images/s\n", result.top1(),
                  interval[0], interval[1], result.top5(), static_cast<long long>(result.correct),
                  static_cast<long long>(result.count), result.images_per_second());
    }
  });
}

}  // namespace bitsieve::cli
