#include "peers/peak.h"

namespace bitsieve::bench {

double peak_int8_ops() { return 0; }

}  // namespace bitsieve::bench
