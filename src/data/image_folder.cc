// JPEG and PNG files in a directory, with an optional CSV file of labels, or in a folder for each class.
#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "data/image_file.h"
#include "data/readers.h"

namespace bitsieve {
namespace {

namespace fs = std::filesystem;

struct Item {
  std::string path;
  int label = -1;
};

class ImageFolder : public Dataset {
 public:
  ImageFolder(std::string dir, std::vector<Item> items) : dir_(std::move(dir)), items_(std::move(items)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(items_.size()); }
  std::string description() const override { return fmt::format("images '{}' ({} images)", dir_, size()); }
  int label(std::int64_t i) const override { return items_.at(static_cast<std::size_t>(i)).label; }
  Image image(std::int64_t i) const override { return read_image(items_.at(static_cast<std::size_t>(i)).path); }
  Digest digest(std::int64_t i) const override {  // of the file, which costs no decoding
    return content_digest(read_file(items_.at(static_cast<std::size_t>(i)).path, std::uint64_t{1} << 30));
  }

 private:
  std::string dir_;
  std::vector<Item> items_;
};

// The forms without an error_code throw where a directory may not be searched.
bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::string_view trim(std::string_view text) {
  const std::string_view blank = " \t\r";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  text = text.substr(first, text.find_last_not_of(blank) - first + 1);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

bool has_image_suffix(const fs::path& path) {
  std::string suffix = path.extension().string();
  for (char& c : suffix) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return suffix == ".jpg" || suffix == ".jpeg" || suffix == ".png";
}

// Calls see(path) with everything in dir, sorted by name: the system lists in any order, and results that depend on the
// first N images must not.
template <class See>
void for_each_in(const fs::path& dir, const See& see) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entry(dir, error), end; !error && entry != end; entry.increment(error)) {
    paths.push_back(entry->path());
  }
  if (error) fail("cannot read '{}': {}", dir.string(), error.message());
  std::sort(paths.begin(), paths.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  for (const fs::path& path : paths) see(path);
}

std::vector<Item> list_directory(const fs::path& dir, int label = -1) {
  std::vector<Item> items;
  for_each_in(dir, [&](const fs::path& path) {
    if (has_image_suffix(path) && is_file(path)) items.push_back({path.string(), label});
  });
  return items;
}

// A folder for each class, in the order of their names (the bytes of them), as torchvision's ImageFolder has it: "10"
// comes before "2". Hidden folders are none. Nothing where there is no folder.
std::vector<Item> list_classes(const fs::path& dir, bool need_labels) {
  std::vector<Item> items;
  int label = 0;
  for_each_in(dir, [&](const fs::path& path) {
    std::error_code error;
    if (!fs::is_directory(path, error) || path.filename().native().starts_with('.')) return;
    const std::vector<Item> own = list_directory(path, need_labels ? label : -1);
    if (own.empty() && need_labels)
      fail("class folder '{}' holds no images: no .jpg, .jpeg or .png file", path.string());
    items.insert(items.end(), own.begin(), own.end());
    ++label;
  });
  return items;
}

std::vector<Item> parse_csv(std::string_view text, const fs::path& dir, bool need_labels, const std::string& origin) {
  std::vector<Item> items;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (trim(line).empty()) continue;
    // A file name may hold commas, a label may not.
    const std::size_t comma = line.rfind(',');
    const std::string_view name = trim(line.substr(0, comma));
    const std::string_view label_text = comma == std::string_view::npos ? "" : trim(line.substr(comma + 1));
    Item item{(dir / name).string()};
    const auto [stop, status] = std::from_chars(label_text.data(), label_text.data() + label_text.size(), item.label);
    const bool valid = status == std::errc() && stop == label_text.data() + label_text.size() && item.label >= 0;
    const bool exists = is_file(item.path);
    if (line_number == 1 && !valid && !exists && !has_image_suffix(item.path)) continue;  // column names
    if (!exists) fail("'{}' line {}: no such file '{}'", origin, line_number, item.path);
    if (!need_labels) {
      item.label = -1;
    } else if (label_text.empty()) {
      fail("'{}' line {}: the label is missing; lines are file,label", origin, line_number);
    } else if (!valid) {
      fail("'{}' line {}: label '{}' is not an integer of 0 or more", origin, line_number, label_text);
    }
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace

std::unique_ptr<Dataset> open_image_folder(const std::string& where, bool need_labels) {
  const std::size_t comma = where.rfind(',');
  const fs::path dir = where.substr(0, comma);
  std::error_code error;
  if (!fs::is_directory(dir, error)) fail("no such directory '{}'", dir.string());
  const bool named = comma != std::string::npos;  // a file of labels
  if (!named || (need_labels && comma + 1 == where.size())) {
    std::vector<Item> items = list_directory(dir);
    if (items.empty() && !named) items = list_classes(dir, need_labels);
    if (need_labels && (items.empty() || items.front().label < 0)) {
      throw Error(fmt::format("data 'images:{}' has no labels; write images:{},labels.csv, or put the images of each "
                              "class into a folder of their own",
                              where, dir.string()),
                  ErrorKind::usage);
    }
    if (items.empty()) fail("'{}' holds no images: no .jpg, .jpeg or .png file", dir.string());
    return std::make_unique<ImageFolder>(dir.string(), std::move(items));
  }
  fs::path csv = where.substr(comma + 1);
  // People write the file's name both as seen from where they are and as seen from the images.
  if (!is_file(csv) && is_file(dir / csv)) csv = dir / csv;
  std::vector<Item> items = parse_csv(read_file(csv.string(), std::uint64_t{1} << 30), dir, need_labels, csv.string());
  if (items.empty()) fail("'{}' names no images", csv.string());
  return std::make_unique<ImageFolder>(dir.string(), std::move(items));
}

std::unique_ptr<Dataset> open_image(const std::string& where, bool need_labels) {
  if (need_labels)
    throw Error(fmt::format("'image:{}' has no label; give images:DIR,labels.csv", where), ErrorKind::usage);
  return std::make_unique<ImageFolder>(where, std::vector<Item>{{where, -1}});
}

}  // namespace bitsieve
