// Why a node loses precision, in words: an ordered table of rules over what analysis.h measured.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "eval/analysis.h"

namespace bitsieve {

struct CauseRule {
  const char* cause;  // short name, for scripts: "clipped-inputs"
  const char* when;   // the test in words
  bool (*test)(const LayerAnalysis&);
  std::string (*advice)(const LayerAnalysis&);  // one line: what was seen, what to try
};

// In the order in which they are tried; the last one always fits.
std::span<const CauseRule> cause_rules();

// The first rule that fits, and its line.
const CauseRule& find_cause(const LayerAnalysis& layer);
std::string likely_cause(const LayerAnalysis& layer);

}  // namespace bitsieve
