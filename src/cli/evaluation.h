// What eval and merge print of an evaluation.
#pragma once
#include <string>

#include "cli/report.h"
#include "eval/part.h"

namespace bitsieve::cli {

// "2/8": shard 2 of eight, the first being 0; "job": the one that the launcher of several processes says. Throws Error
// of kind usage.
Shard shard_named(const std::string& text);

// Where the result of a shard goes: into the folder `output`, made where it is missing, as shard-INDEX-of-COUNT.json,
// so that all processes of a job can have the same command line; of the only shard, into the file `output`. Nothing
// where that is empty. Throws Error where nothing can be written there.
std::string part_path(const Shard& shard, const std::string& output);

// The accuracy of the part's images, and how it compares with the reference, as --format says. written: a path, or
// empty.
void print_evaluation(const EvaluationPart& part, const Options& options, const Stopwatch& clock,
                      const std::string& written);

}  // namespace bitsieve::cli
