#include "pack/bsv.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "base/files.h"
#include "pack/check.h"
#include "pack/code_sections.h"
#include "pack/container.h"
#include "pack/graph_section.h"

namespace bitsieve {
namespace {

constexpr std::size_t max_labels = 1 << 20;

std::string encode_info(const PackedModel& packed) {
  ByteWriter out;
  for (const std::string* text :
       {&packed.tool_version, &packed.source_name, &packed.source_hash, &packed.calibration_hash}) {
    out.text(*text);
  }
  out.count(packed.labels.size());
  for (const std::string& label : packed.labels) out.text(label);
  return out.bytes();
}

void decode_info(std::string_view section, PackedModel& packed) {
  ByteReader in(section, "section INFO");
  for (std::string* text : {&packed.tool_version, &packed.source_name, &packed.source_hash, &packed.calibration_hash}) {
    *text = in.text();
  }
  const std::size_t labels = in.count(sizeof(std::uint32_t), "labels");
  if (labels > max_labels) fail("{} labels, at most {} are accepted", labels, max_labels);
  for (std::size_t i = 0; i < labels; ++i) packed.labels.push_back(in.text());
  in.finish();
}

void check_texts(const PackedModel& packed) {
  for (const std::string* text :
       {&packed.tool_version, &packed.source_name, &packed.source_hash, &packed.calibration_hash}) {
    pack::check_name(*text, "section INFO");
  }
  for (const std::string& label : packed.labels) pack::check_name(label, "section INFO");
  for (const char c : packed.recipe_toml) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f) fail("section RCPE is not text");
  }
}

PackedModel decode(std::string_view bytes, FloatWeights floats, const std::shared_ptr<const FileMap>& file) {
  const std::vector<pack::SectionView> sections = pack::read_container(bytes);
  constexpr const char* known[] = {"INFO", "RCPE", "PREP", "GRPH", "CODE", "NUMB", "WGHT"};
  for (const pack::SectionView& section : sections) {
    if (section.may_be_ignored) continue;
    if (std::find(std::begin(known), std::end(known), section.tag) == std::end(known)) {
      fail("section {} is unknown: the file was written by a newer program", section.tag);
    }
  }
  const auto section = [&](std::string_view tag) {
    for (const pack::SectionView& s : sections) {
      if (s.tag == tag) return s.bytes;
    }
    fail("section {} is missing", tag);
  };
  PackedModel packed;
  decode_info(section("INFO"), packed);
  packed.recipe_toml = section("RCPE");
  check_texts(packed);
  packed.preprocessing = parse_preprocessing(section("PREP"), "section PREP");
  packed.model = pack::decode_codes(pack::decode_graph(section("GRPH")), section("CODE"), section("NUMB"),
                                    section("WGHT"), floats, file);
  pack::check_graph(packed.model.graph);
  pack::check_codes(packed.model);
  return packed;
}

}  // namespace

bool is_bsv(std::string_view bytes) { return bytes.starts_with(pack::magic); }

std::string write_bsv(const PackedModel& packed) {
  const QuantizedModel& model = packed.model;
  validate(model, model.graph.name);
  check_texts(packed);
  std::vector<bool> integer;
  for (const LayerCode& layer : model.layers) integer.push_back(layer.integer);
  pack::CodeSections codes = pack::encode_codes(model);
  return pack::write_container({{"INFO", encode_info(packed)},
                                {"RCPE", packed.recipe_toml},
                                {"PREP", packed.preprocessing.to_toml()},
                                {"GRPH", pack::encode_graph(model.graph, integer)},
                                {"CODE", std::move(codes.code)},
                                {"NUMB", std::move(codes.numbers)},
                                {"WGHT", std::move(codes.weights)}});
}

namespace {

PackedModel read(std::string_view bytes, const std::string& origin, FloatWeights floats,
                 const std::shared_ptr<const FileMap>& file) {
  try {
    return decode(bytes, floats, file);
  } catch (const Error& error) {
    fail("'{}': {}", origin, error.what());
  }
}

}  // namespace

PackedModel read_bsv(std::string_view bytes, const std::string& origin, FloatWeights floats) {
  return read(bytes, origin, floats, nullptr);
}

PackedModel read_bsv(const std::shared_ptr<const FileMap>& file, const std::string& origin, FloatWeights floats) {
  return read(file->bytes(), origin, floats, file);
}

PackedModel load_bsv(const std::string& path, FloatWeights floats) {
  return read_bsv(FileMap::open(path), path, floats);
}

void save_bsv(const std::string& path, const PackedModel& packed) { write_file_atomically(path, write_bsv(packed)); }

}  // namespace bitsieve
