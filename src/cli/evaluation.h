// What eval and merge print of an evaluation.
#pragma once
#include <string>

#include "cli/report.h"
#include "eval/part.h"

namespace bitsieve::cli {

// "2/8": shard 2 of eight, the first being 0; "job": the one that the launcher of several processes says. Throws Error
// of kind usage.
Shard shard_named(const std::string& text);

// Writes the part to `file`, or, where that is a folder, into it as shard-INDEX-of-COUNT.json, so that all processes of
// a job can have the same command line. Nothing where `file` is empty. The path written.
std::string write_part_file(const EvaluationPart& part, const std::string& file);

// The accuracy of the part's images, and how it compares with the reference, as --format says. written: a path, or
// empty.
void print_evaluation(const EvaluationPart& part, const Options& options, const Stopwatch& clock,
                      const std::string& written);

}  // namespace bitsieve::cli
