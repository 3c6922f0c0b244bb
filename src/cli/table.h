// A table for people, each column as wide as its longest cell.
#pragma once
#include <string>
#include <vector>

namespace bitsieve::cli {

class Table {
 public:
  // A title that starts with '<' is of a column aligned to the left, without the sign; others to the right.
  explicit Table(std::vector<std::string> titles);

  void add(std::vector<std::string> cells);  // as many as titles, or fewer
  void print() const;                        // to standard output

 private:
  std::vector<bool> left_;
  std::vector<std::vector<std::string>> rows_;  // titles first
};

}  // namespace bitsieve::cli
