#include "data/dataset.h"

#include <cmath>
#include <filesystem>

#include "data/test_support.h"
#include "data/testdata/pillow_vectors.h"

namespace bitsieve {
namespace {

std::string big_endian(std::initializer_list<std::uint32_t> values) {
  std::string bytes;
  for (const std::uint32_t value : values) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  }
  return bytes;
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string out(bytes.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string npy(const std::string& type, const std::string& shape, const std::string& body) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + body;
}

std::string floats(std::vector<float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

const std::string two_images = big_endian({0x803, 2, 2, 3}) + "abcdefghijkl";
const std::string two_labels = big_endian({0x801, 2}) + "\x07\x09";

class DatasetTest : public TempDir {
 protected:
  std::string open_error(const std::string& spec, bool need_labels = true) const {
    return error_of([&] { open_dataset(spec, need_labels); });
  }
};

TEST_F(DatasetTest, SpecErrorsAreUsageErrors) {
  EXPECT_EQ(open_error("mnist"),
            "data 'mnist' is not KIND:PATH[:SPLIT]; KIND is one of fashion-mnist, mnist, cifar10, images, image, npy");
  EXPECT_EQ(open_error("svhn:x"),
            "data 'svhn:x' has the unknown kind 'svhn'; known are fashion-mnist, mnist, cifar10, images, image, npy");
  EXPECT_EQ(open_error("mnist:d"), "data 'mnist:d' names no split; write mnist:DIR:test or mnist:DIR:train");
  EXPECT_EQ(open_error("images:d"), "no such directory 'd'");
  EXPECT_EQ(open_error("npy:x"), "data 'npy:x' has no labels; write npy:x,Y.npy");
  try {
    open_dataset("svhn:x", true);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  }
  EXPECT_EQ(dataset_kinds().size(), 6u);
}

TEST_F(DatasetTest, IdxInEverySpelling) {
  for (const std::string separator : {"-", "."}) {
    for (const std::string packing : {"", ".gz"}) {
      const auto pack = [&](const std::string& bytes) { return packing.empty() ? bytes : gzip(bytes); };
      const std::string images = write("t10k-images" + separator + "idx3-ubyte" + packing, pack(two_images));
      const std::string labels = write("t10k-labels" + separator + "idx1-ubyte" + packing, pack(two_labels));
      const auto data = open_dataset("mnist:" + dir_ + ":test", true);
      EXPECT_EQ(data->size(), 2);
      EXPECT_EQ(data->description(), "mnist test (2 images)");
      EXPECT_EQ(data->label(0), 7);
      EXPECT_EQ(data->label(1), 9);
      const Image image = data->image(1);
      EXPECT_EQ(image.height, 2);
      EXPECT_EQ(image.width, 3);
      EXPECT_EQ(image.channels, 1);
      EXPECT_EQ(std::string(image.pixels.begin(), image.pixels.end()), "ghijkl");
      EXPECT_FALSE(data->is_float());
      EXPECT_EQ(message_of([&] { data->image(2); }), "image 2 of 2 was asked for");
      EXPECT_EQ(message_of([&] { data->floats(0); }), "mnist test (2 images) holds images, not tensors");
      std::filesystem::remove(labels);
      EXPECT_EQ(open_dataset("mnist:" + dir_ + ":test", false)->label(0), -1);
      EXPECT_EQ(open_error("mnist:" + dir_ + ":test"), "no 't10k-labels-idx1-ubyte' (or .gz) in 'DIR'");
      std::filesystem::remove(images);
    }
  }
  EXPECT_EQ(open_error("mnist:/nowhere:test"), "no such directory '/nowhere'");
  EXPECT_EQ(open_error("mnist:" + dir_ + ":train"), "no 'train-images-idx3-ubyte' (or .gz) in 'DIR'");
}

TEST_F(DatasetTest, HostileIdx) {
  const std::string spec = "fashion-mnist:" + dir_ + ":train";
  const std::pair<std::string, std::string> cases[] = {
      {"", " is truncated in its header"},
      {two_images.substr(0, 27), " is truncated: 28 bytes announced, 27 present"},
      {two_images + "x", " is longer than the 28 bytes it announces"},
      {two_labels + std::string(99, 'x'), " is not an idx3 file of bytes: magic number 0x00000801"},
      {big_endian({0x803, 0, 2, 3}), " holds no images"},
      {big_endian({0x803, 2, 0, 3}), " holds no images"},
      {big_endian({0x803, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}), " announces more than 1 GiB"},
  };
  for (const auto& [bytes, message] : cases) {
    const std::string plain = write("train-images-idx3-ubyte", bytes);
    EXPECT_EQ(open_error(spec, false), "'DIR/train-images-idx3-ubyte'" + message);
    std::filesystem::remove(plain);
    const std::string packed = write("train-images-idx3-ubyte.gz", gzip(bytes));
    EXPECT_EQ(open_error(spec, false), "'DIR/train-images-idx3-ubyte.gz'" + message);
    std::filesystem::remove(packed);
  }
  const std::string bomb = write("train-images-idx3-ubyte.gz", gzip(big_endian({0x803, 1 << 20, 32, 32})));
  const std::uintmax_t size = std::filesystem::file_size(bomb);
  EXPECT_EQ(open_error(spec, false),
            fmt::format("'DIR/train-images-idx3-ubyte.gz' announces 1073741840 bytes; its {} bytes of "
                        "gzip hold at most {}",
                        size, 1032 * size));
  const std::string packed = gzip(two_images + std::string(50, 'x'));
  write("train-images-idx3-ubyte.gz", packed.substr(0, 20));
  EXPECT_EQ(open_error(spec, false), "'DIR/train-images-idx3-ubyte.gz' is truncated: its gzip stream does not end");
  write("train-images-idx3-ubyte.gz", "not gzip at all");
  EXPECT_EQ(open_error(spec, false),
            "'DIR/train-images-idx3-ubyte.gz' is not a valid gzip file: incorrect header check");
  std::string damaged = gzip(two_images);
  damaged[damaged.size() - 6] ^= 1;
  write("train-images-idx3-ubyte.gz", damaged);
  EXPECT_EQ(open_error(spec, false), "'DIR/train-images-idx3-ubyte.gz' is not a valid gzip file: incorrect data check");
  write("train-images-idx3-ubyte", two_images);
  write("train-labels-idx1-ubyte", big_endian({0x801, 3}) + "abc");
  EXPECT_EQ(open_error(spec),
            "'DIR/train-labels-idx1-ubyte' holds 3 labels, 'DIR/train-images-idx3-ubyte' holds 2 images");
}

// The bound is deflate's own: as many equal bytes as it can pack still open.
TEST_F(DatasetTest, IdxPackedAsTightAsDeflateCan) {
  const std::string zeros(std::size_t{16} << 20, '\0');
  const std::string path = write("train-images-idx3-ubyte.gz", gzip(big_endian({0x803, 1 << 14, 32, 32}) + zeros));
  EXPECT_GT(zeros.size() / std::filesystem::file_size(path), 1000u);
  EXPECT_EQ(open_dataset("mnist:" + dir_ + ":train", false)->size(), 1 << 14);
}

TEST_F(DatasetTest, Cifar10) {
  std::string record(3073, '\0');
  record[0] = 4;
  record[1] = 10, record[1 + 1024] = 20, record[1 + 2048] = 30, record[2] = 40;
  const std::string a = write("a.bin", record), b = write("b.bin", record + record);
  const auto data = open_dataset("cifar10:" + a + "," + b, true);
  EXPECT_EQ(data->size(), 3);
  EXPECT_EQ(data->label(2), 4);
  const Image image = data->image(2);
  EXPECT_EQ(image.channels, 3);
  EXPECT_EQ(std::vector<int>(image.pixels.begin(), image.pixels.begin() + 4), (std::vector<int>{10, 20, 30, 40}));
  EXPECT_EQ(open_dataset("cifar10:" + a, false)->label(0), -1);

  EXPECT_EQ(open_error("cifar10:" + a + ","), "cannot read '': No such file or directory");
  write("a.bin", "");
  EXPECT_EQ(open_error("cifar10:" + a), "'DIR/a.bin' holds no images");
  write("a.bin", record.substr(1));
  EXPECT_EQ(open_error("cifar10:" + a),
            "'DIR/a.bin' is not a CIFAR-10 binary file: 3072 bytes are not a multiple of 3073");
  record[0] = 10;
  write("a.bin", record);
  EXPECT_EQ(open_error("cifar10:" + a),
            "'DIR/a.bin' is not a CIFAR-10 binary file: image 0 has label 10, 0 to 9 are possible");
}

TEST_F(DatasetTest, ImageFolder) {
  EXPECT_EQ(open_error("images:" + dir_, false), "'DIR' holds no images: no .jpg, .jpeg or .png file");
  for (const auto& v : testdata::file_vectors) {
    if (std::string(v.name) == "jpeg_420") write("b.JPG", from_hex(v.hex));
    if (std::string(v.name) == "png_gray") write("a,1.png", from_hex(v.hex));
  }
  const std::string csv = write("labels.csv",
                                "\xEF\xBB\xBF"
                                "file,label\r\nb.JPG, 3\r\n\r\n\"a,1.png\",12");
  for (const std::string& name : {csv, std::string("labels.csv")}) {
    const auto data = open_dataset("images:" + dir_ + "," + name, true);
    EXPECT_EQ(data->size(), 2);
    EXPECT_EQ(data->label(0), 3);
    EXPECT_EQ(data->label(1), 12);
    EXPECT_EQ(data->image(0).channels, 3);
    EXPECT_EQ(data->image(1).channels, 1);
  }
  const auto listed = open_dataset("images:" + dir_, false);
  EXPECT_EQ(listed->size(), 2);
  EXPECT_EQ(listed->image(0).channels, 1) << "not sorted";
  EXPECT_EQ(listed->label(0), -1);

  const std::string spec = "images:" + dir_ + "," + csv;
  write("labels.csv", "b.JPG,3\nc.jpg,4\n");
  EXPECT_EQ(open_error(spec), "'DIR/labels.csv' line 2: no such file 'DIR/c.jpg'");
  write("labels.csv", "b.JPG,3\nb.JPG,cat\n");
  EXPECT_EQ(open_error(spec), "'DIR/labels.csv' line 2: label 'cat' is not an integer of 0 or more");
  EXPECT_EQ(open_dataset(spec, false)->size(), 2);
  write("labels.csv", "b.JPG,-1\n");
  EXPECT_EQ(open_error(spec), "'DIR/labels.csv' line 1: label '-1' is not an integer of 0 or more");
  write("labels.csv", "b.JPG\n");
  EXPECT_EQ(open_error(spec), "'DIR/labels.csv' line 1: the label is missing; lines are file,label");
  EXPECT_EQ(open_dataset(spec, false)->size(), 1);
  write("labels.csv", "file,label\n");
  EXPECT_EQ(open_error(spec), "'DIR/labels.csv' names no images");
  EXPECT_EQ(open_error("images:" + dir_ + ",no.csv"), "cannot read 'no.csv': No such file or directory");
  EXPECT_EQ(open_error("images:/nowhere,l.csv"), "no such directory '/nowhere'");
  write("b.JPG", "text");
  write("labels.csv", "b.JPG,3\n");
  EXPECT_EQ(error_of([&] { open_dataset(spec, true)->image(0); }), "'DIR/b.JPG' is neither a JPEG nor a PNG file");
}

TEST_F(DatasetTest, FolderForEachClass) {
  const std::string none =
      "data 'images:DIR' has no labels; write images:DIR,labels.csv, or put the images of each class into a folder of "
      "their own";
  EXPECT_EQ(open_error("images:" + dir_), none);
  for (const char* name : {"cat", "10", "2", ".hidden"}) std::filesystem::create_directory(dir_ + "/" + name);
  for (const auto& v : testdata::file_vectors) {
    if (std::string(v.name) == "jpeg_420") write("cat/b.JPG", from_hex(v.hex));
    if (std::string(v.name) != "png_gray") continue;
    for (const char* name : {"cat/a.png", "10/z.png", ".hidden/a.png"}) write(name, from_hex(v.hex));
  }
  write("readme.txt", "no image");
  EXPECT_EQ(open_error("images:" + dir_), "class folder 'DIR/2' holds no images: no .jpg, .jpeg or .png file");
  EXPECT_EQ(open_dataset("images:" + dir_, false)->size(), 3);
  write("2/c.jpeg", "never decoded");
  const auto data = open_dataset("images:" + dir_, true);
  ASSERT_EQ(data->size(), 4);
  const int labels[] = {0, 1, 2, 2};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(data->label(i), labels[i]) << i;
  EXPECT_EQ(data->image(2).channels, 1);
  EXPECT_EQ(data->image(3).channels, 3);
  EXPECT_EQ(open_dataset("images:" + dir_, false)->label(3), -1);
  EXPECT_EQ(open_error("images:" + dir_ + ","),
            "data 'images:DIR,' has no labels; write images:DIR,labels.csv, or put the "
            "images of each class into a folder of their own");
  write("stray.png", "an image beside the folders: of which class?");
  EXPECT_EQ(open_error("images:" + dir_), none);
}

TEST_F(DatasetTest, Npy) {
  const std::string y = write("y.npy", npy("<i8", "(2,)", std::string("\5\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0", 16)));
  const std::string x = write("x.npy", npy("<f4", "(2, 1, 1, 2)", floats({1, 2, 3, 4})));
  const auto inputs = open_dataset("npy:" + x + "," + y, true);
  EXPECT_TRUE(inputs->is_float());
  EXPECT_EQ(inputs->size(), 2);
  EXPECT_EQ(inputs->label(1), 6);
  EXPECT_EQ(inputs->floats(1).shape, (Shape{1, 1, 2}));
  EXPECT_EQ(inputs->floats(1).data, (std::vector<float>{3, 4}));
  EXPECT_TRUE(error_of([&] { inputs->image(0); }).ends_with("holds tensors, not images"));

  write("x.npy", npy("|u1", "(2, 1, 2, 3)", "abcdefABCDEF"));
  const auto images = open_dataset("npy:" + x, false);
  EXPECT_FALSE(images->is_float());
  const Image image = images->image(1);
  EXPECT_EQ(image.channels, 3);
  EXPECT_EQ(image.width, 2);
  EXPECT_EQ(std::string(image.pixels.begin(), image.pixels.end()), "ABCDEF");
  EXPECT_EQ(images->label(0), -1);
  EXPECT_EQ(message_of([&] { images->image(-1); }), "item -1 of 2 was asked for");

  const auto x_error = [&](const std::string& bytes) {
    write("x.npy", bytes);
    return open_error("npy:" + x, false);
  };
  EXPECT_EQ(x_error(npy("|u1", "(2, 1, 2, 2)", "abcdefgh")),
            "'DIR/x.npy' has shape 2x1x2x2; uint8 images are N,H,W or N,H,W,C with 1 or 3 channels");
  EXPECT_EQ(x_error(npy("<i4", "(1, 1)", "abcd")), "'DIR/x.npy' has element type i4; images are f4, f8 or u1");
  EXPECT_EQ(x_error(npy("<f4", "(1,)", "abcd")), "'DIR/x.npy' has shape 1; inputs are N,C,H,W");
  EXPECT_EQ(x_error(npy("<f4", "(0, 3)", "")), "'DIR/x.npy' holds no images");
  EXPECT_EQ(x_error(npy("<f4", "(1, 2)", floats({1, INFINITY}))), "'DIR/x.npy' holds inf at element 1");
  EXPECT_EQ(x_error(npy("<f4", "(1, 2)", "abcd")), "'DIR/x.npy' is truncated: 2 elements announced, 1 present");

  write("x.npy", npy("<f4", "(2, 1)", floats({1, 2})));
  const auto y_error = [&](const std::string& bytes) {
    write("y.npy", bytes);
    return open_error("npy:" + x + "," + y);
  };
  EXPECT_EQ(y_error(npy("|u1", "(3,)", "abc")), "'DIR/y.npy' holds 3 labels, 'DIR/x.npy' holds 2 images");
  EXPECT_EQ(y_error(npy("|i1", "(2,)", "\xFF\1")), "'DIR/y.npy' holds the label -1; labels are 0 or more");
  EXPECT_EQ(y_error(npy("<f4", "(2,)", floats({1, 2}))),
            "'DIR/y.npy' holds floating-point numbers; labels are integers");
  EXPECT_EQ(y_error(npy("|u1", "(1, 2)", "ab")), "'DIR/y.npy' has shape 1x2; labels have one dimension");
}

TEST_F(DatasetTest, DigestsTellItemsApartByWhatTheFilesHold) {
  write("a.bin", std::string(3073, '\1') + std::string(3073, '\2'));
  write("b.bin", '\3' + std::string(3072, '\1') + std::string(3072, '\2') + '\4');
  const auto a = open_dataset("cifar10:" + path("a.bin"), true), b = open_dataset("cifar10:" + path("b.bin"), false);
  EXPECT_EQ(a->digest(0), b->digest(0));  // the label is not in it
  EXPECT_NE(a->digest(0), a->digest(1));
  EXPECT_NE(a->digest(1), b->digest(1));

  std::vector<float> values(6);
  write("x.npy", npy("<f4", "(2, 1, 3, 1)", floats(values)));
  const auto x = open_dataset("npy:" + path("x.npy"), false);
  EXPECT_EQ(x->digest(0), x->digest(1));
  values[4] = 1;
  write("y.npy", npy("<f4", "(2, 1, 3, 1)", floats(values)));
  write("z.npy", npy("<f4", "(2, 3, 1, 1)", floats(values)));
  const auto y = open_dataset("npy:" + path("y.npy"), false), z = open_dataset("npy:" + path("z.npy"), false);
  EXPECT_EQ(x->digest(0), y->digest(0));
  EXPECT_NE(x->digest(1), y->digest(1));
  EXPECT_NE(y->digest(0), z->digest(0));  // another shape

  // Of a picture's file, so that nothing is decoded.
  write("a.jpg", "no picture");
  EXPECT_EQ(open_dataset("image:" + path("a.jpg"), false)->digest(0), content_digest("no picture"));
}

}  // namespace
}  // namespace bitsieve
