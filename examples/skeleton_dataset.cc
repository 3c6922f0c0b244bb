// Skeleton of a data set. To add yours, put the class and its open function into a file of src/data/ and a row into the
// table of src/data/dataset.cc; `bitsieve list` and every --data and --calib know it then.
//
// This one makes pictures of one colour: "colours:COUNT", picture i is as bright as i, its class is i.
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "data/dataset.h"

namespace {

class Colours : public bitsieve::Dataset {
 public:
  explicit Colours(std::int64_t count) : count_(count) {}
  std::int64_t size() const override { return count_; }
  std::string description() const override { return "pictures of one colour"; }
  int label(std::int64_t i) const override { return static_cast<int>(i); }
  bitsieve::Image image(std::int64_t i) const override {
    return {4, 4, 1, std::vector<std::uint8_t>(16, static_cast<std::uint8_t>(i))};
  }

 private:
  std::int64_t count_;
};

// where: what follows "colours:". What a user can get wrong is an Error of one line.
std::unique_ptr<bitsieve::Dataset> open_colours(const std::string& where, bool) {
  const int count = std::atoi(where.c_str());
  if (count < 1 || count > 256) bitsieve::fail("'colours:{}' needs a count from 1 to 256", where);
  return std::make_unique<Colours>(count);
}

}  // namespace

int main() {
  const bitsieve::DatasetKind kind{"colours", "colours:COUNT", "pictures of one colour", open_colours};
  const auto set = kind.open("3", true);
  const bool right = set->size() == 3 && set->image(2).pixels[0] == 2 && set->label(1) == 1;
  std::printf("%s: %s\n", std::string(kind.name).c_str(), right ? "ok" : "wrong");
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
