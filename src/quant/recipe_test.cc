#include "quant/recipe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "base/error.h"

namespace bitsieve {
namespace {

const CodeNames names{
    {[](const std::string& name) { return name == "int8" || name == "int4"; }, "int8, int4"},
    {[](const std::string& name) { return name == "int8" || name == "act4-uniform" || name == "sparq-5opt-round"; },
     "int8, act4-uniform, sparq-5opt-round"}};

struct Failure {
  std::string text;
  ErrorKind kind = ErrorKind::failure;
};

Failure failure(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return {error.what(), error.kind()};
  }
  return {"no error"};
}

Graph network(const std::vector<std::string>& layers) {
  Graph graph;
  graph.name = "net";
  graph.input = graph.add_value("input", {4});
  ValueId last = graph.input;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    Node node{};
    node.op = layers[i].starts_with("relu") ? Op::relu : i % 2 ? Op::linear : Op::conv;
    node.name = layers[i];
    node.inputs = {last};
    last = node.output = graph.add_value("v" + std::to_string(i), {4});
    graph.nodes.push_back(node);
  }
  graph.output = last;
  return graph;
}

TEST(RecipeToml, EveryKey) {
  const Recipe recipe = parse_recipe(R"(
name = "sparq-5opt-round-w4"

[quantize]
range = "mse"
percentile = 99.9
act-top = 240
first-last = "same"
rounding = "learned"
repair = "gain"
equalize = true
recalibrate-norms = true
prune = "2:4"

[layers]
weights = "int4"
activations = "sparq-5opt-round"

[[rule]]
match = '\.dw$'
weights = "int8"

[[rule]]
match = "head"
weights = "float"
activations = "float"
)",
                                     "recipe.toml", &names);
  Recipe expected;
  expected.name = "sparq-5opt-round-w4";
  expected.range = RangeRule::mse;
  expected.percentile = 99.9;
  expected.act_top = 240;
  expected.first_last = FirstLast::same;
  expected.rounding = Rounding::learned;
  expected.repair = Repair::gain;
  expected.equalize = expected.recalibrate_norms = expected.prune_two_of_four = true;
  expected.layers = {"int4", "sparq-5opt-round"};
  expected.rules = {{"\\.dw$", "int8", ""}, {"head", "float", "float"}};
  EXPECT_EQ(recipe, expected);
}

TEST(RecipeToml, EmptyFileIsTheDefault) { EXPECT_EQ(parse_recipe("", "x"), Recipe{}); }

TEST(RecipeToml, ErrorsNameFileLineKeyAndWhatIsAllowed) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"nmae = 'x'", "'f.toml' line 1: unknown key 'nmae'; allowed are name, [quantize], [layers] and [[rule]]"},
      {"name = 3", "'f.toml' line 1: name must be a string"},
      {"\n[quantize]\nrnage = 1",
       "'f.toml' line 3: unknown key 'quantize.rnage'; allowed are range, percentile, act-top, "
       "first-last, rounding, repair, equalize, recalibrate-norms, prune"},
      {"[quantize]\nrange = 'max'",
       "'f.toml' line 2: quantize.range must be \"minmax\" or \"mean-max\" or \"percentile\" or "
       "\"mse\" or \"kl\""},
      {"[quantize]\npercentile = 0", "'f.toml' line 2: quantize.percentile must be a number above 0 and at most 100"},
      {"[quantize]\npercentile = nan", "'f.toml' line 2: quantize.percentile must be a number above 0 and at most 100"},
      {"[quantize]\npercentile = '9'", "'f.toml' line 2: quantize.percentile must be a number above 0 and at most 100"},
      {"[quantize]\nact-top = 256", "'f.toml' line 2: quantize.act-top must be a whole number from 1 to 255"},
      {"[quantize]\nact-top = 1.0", "'f.toml' line 2: quantize.act-top must be a whole number from 1 to 255"},
      {"[quantize]\nfirst-last = true",
       "'f.toml' line 2: quantize.first-last must be \"int8\" or \"float\" or \"same\""},
      {"[quantize]\nrounding = 'up'", "'f.toml' line 2: quantize.rounding must be \"nearest\" or \"learned\""},
      {"[quantize]\nrepair = 'all'", "'f.toml' line 2: quantize.repair must be \"none\" or \"mean\" or \"gain\""},
      {"[quantize]\nequalize = 1", "'f.toml' line 2: quantize.equalize must be true or false"},
      {"[quantize]\nprune = '1:2'", "'f.toml' line 2: quantize.prune must be \"none\" or \"2:4\""},
      {"quantize = 1", "'f.toml' line 1: quantize must be a table"},
      {"[layers]\nweights = 'int9'", "'f.toml' line 2: layers.weights must be float, int8, int4; 'int9' is unknown"},
      {"[layers]\nactivations = ''", "'f.toml' line 2: layers.activations must be the name of a code"},
      {"rule = 1", "'f.toml' line 1: rule must be written as [[rule]]"},
      {"rule = [1]", "'f.toml' line 1: rule must be a table"},
      {"[[rule]]\nweights = 'int8'",
       "'f.toml' line 1: rule must be given a match: a regular expression of layer names"},
      {"[[rule]]\nmatch = 'a'\nbits = 4",
       "'f.toml' line 3: unknown key 'rule.bits'; allowed are match, weights, activations"},
      {"name = ", "'f.toml' line 1: "},
  };
  for (const auto& [text, expected] : cases) {
    const std::string got = failure([&] { parse_recipe(text, "f.toml", &names); }).text;
    EXPECT_EQ(got.substr(0, std::string(expected).size()), expected) << text;
    EXPECT_EQ(got.find('\n'), std::string::npos);
  }
}

TEST(RecipeToml, RoundTripsEveryRecipe) {
  std::mt19937 random(2);
  const auto text = [&] {
    static const char* const pieces[] = {"a",    "'",    "\"", "\\", "\n", "\t", "Ü",
                                         "\x7f", "\x01", "#",  " ",  "=",  "]",  "\\d+$"};
    std::string result = "x";
    for (std::size_t i = random() % 5; i > 0; --i) result += pieces[random() % std::size(pieces)];
    return result;
  };
  for (int i = 0; i < 500; ++i) {
    Recipe r;
    r.name = i == 0 ? "" : text();
    r.layers = {text(), text()};
    for (std::size_t k = random() % 4; k > 0; --k) {
      // Doubled, a backslash is one in any pattern; "]" stands for itself.
      std::string pattern = text();
      for (std::size_t at = 0; (at = pattern.find('\\', at)) != std::string::npos; at += 2) pattern.insert(at, "\\");
      r.rules.push_back({pattern, random() % 2 ? text() : "", random() % 2 ? text() : ""});
    }
    r.first_last = first_last_rules[random() % 3].value;
    r.range = range_rules[random() % 5].value;
    r.percentile = i % 10 == 0 ? 100 : std::uniform_real_distribution<double>(1e-9, 100)(random);
    r.act_top = static_cast<int>(1 + random() % 255);
    r.rounding = roundings[random() % 2].value;
    r.repair = repairs[random() % 3].value;
    r.equalize = random() % 2;
    r.recalibrate_norms = random() % 2;
    r.prune_two_of_four = random() % 2;
    EXPECT_EQ(parse_recipe(to_toml(r), "x"), r) << to_toml(r);
  }
  Recipe bad;
  bad.layers.act_code = "\xff";
  EXPECT_NE(failure([&] { to_toml(bad); }).text.find("UTF-8"), std::string::npos);
}

TEST(RecipeNames, EveryEnumeratorHasItsName) {
  for (const auto& row : range_rules) EXPECT_EQ(range_rule_named(name_of(row.value), "x"), row.value);
  for (const auto& row : first_last_rules) EXPECT_EQ(first_last_named(name_of(row.value), "x"), row.value);
  for (const auto& row : repairs) EXPECT_EQ(repair_named(name_of(row.value), "x"), row.value);
  for (const auto& row : roundings) EXPECT_EQ(rounding_named(name_of(row.value), "x"), row.value);
  const Failure bad = failure([] { range_rule_named("max", "--calib-method"); });
  EXPECT_EQ(bad.text, "--calib-method: 'max' is not one of minmax, mean-max, percentile, mse, kl");
  EXPECT_EQ(bad.kind, ErrorKind::usage);
}

TEST(RecipeOptions, LayerAndExclude) {
  Recipe r;
  apply_layer_option(r, "conv[=]=weights:int4,activations:sparq-5opt-round");
  apply_layer_option(r, "b=w-bits:3");
  apply_layer_option(r, "c=a-bits:4,w-bits:8");
  apply_exclude_option(r, "^head");
  const std::vector<LayerRule> expected = {{"conv[=]", "int4", "sparq-5opt-round"},
                                           {"b", "int3", ""},
                                           {"c", "int8", "act4-uniform"},
                                           {"^head", "float", "float"}};
  EXPECT_EQ(r.rules, expected);
}

TEST(RecipeOptions, MistakesAreOfKindUsage) {
  const std::pair<const char*, const char*> cases[] = {
      {"abc", "REGEX=key:value"},         {"=w-bits:4", "REGEX=key:value"},     {"a=w-bits", "key:value"},
      {"a=w-bits:", "key:value"},         {"a=w-bits:4,", "key:value"},         {"a=w-bits:9", "must be 2 to 8"},
      {"a=w-bits:1", "must be 2 to 8"},   {"a=w-bits:4x", "must be 2 to 8"},    {"a=a-bits:5", "must be 8 or 4"},
      {"a=bits:4", "unknown key 'bits'"}, {"(=w-bits:4", "regular expression"},
  };
  for (const auto& [text, expected] : cases) {
    Recipe r;
    const Failure got = failure([&] { apply_layer_option(r, text); });
    EXPECT_NE(got.text.find(expected), std::string::npos) << text << ": " << got.text;
    EXPECT_EQ(got.kind, ErrorKind::usage);
    EXPECT_EQ(r, Recipe{});
  }
  Recipe r;
  EXPECT_EQ(failure([&] { apply_exclude_option(r, "["); }).kind, ErrorKind::usage);
}

TEST(RecipeOptions, PatternsThatWouldEatTheStackAreRefused) {
  Recipe r;
  for (const std::string& pattern : {std::string(4001, 'a'), std::string("(){30000}"), std::string("((){70}){70}"),
                                     std::string("a{99999999999999999999}"), std::string()}) {
    EXPECT_NE(failure([&] { apply_exclude_option(r, pattern); }).text.find("must have 1 to 4000"), std::string::npos);
  }
  apply_exclude_option(r, "[0-9]{2}\\{9999\\}");
  apply_exclude_option(r, std::string(1000, '(') + std::string(1000, ')'));
  EXPECT_EQ(resolve(network({"12{9999}", "x"}), r)[0].weight_code, "float");
}

TEST(Resolve, FirstAndLast) {
  const Graph graph = network({"first", "relu", "middle", "last"});
  Recipe r;
  r.layers = {"int4", "act4-uniform"};
  const LayerRecipe none{"float", "float"}, eight{"int8", "int8"};
  using List = std::vector<LayerRecipe>;
  EXPECT_EQ(resolve(graph, r), (List{eight, none, r.layers, eight}));
  r.first_last = FirstLast::keep_float;
  EXPECT_EQ(resolve(graph, r), (List{none, none, r.layers, none}));
  r.first_last = FirstLast::same;
  EXPECT_EQ(resolve(graph, r), (List{r.layers, none, r.layers, r.layers}));
  // Rules win over first_last, and later ones over earlier ones.
  r.first_last = FirstLast::int8;
  r.rules = {{"st$", "int5", ""}, {"^f", "", "sparq-5opt-round"}, {"^first$", "int3", ""}};
  EXPECT_EQ(resolve(graph, r), (List{{"int3", "sparq-5opt-round"}, none, r.layers, {"int5", "int8"}}));
  // Half float is float.
  r.rules = {{"middle", "float", ""}, {"last", "", "float"}};
  EXPECT_EQ(resolve(graph, r), (List{eight, none, none, none}));
}

// Two convolutions on the image, two layers that meet in the output.
TEST(Resolve, FirstAndLastAreNotAboutOrder) {
  Graph graph;
  graph.input = graph.add_value("input", {4});
  const auto add = [&](Op op, const char* name, std::vector<ValueId> inputs) {
    Node node{};
    node.op = op;
    node.name = name;
    node.inputs = std::move(inputs);
    node.output = graph.add_value(name, {4});
    graph.nodes.push_back(node);
    return node.output;
  };
  const ValueId a = add(Op::conv, "stem a", {graph.input}), b = add(Op::conv, "stem b", {graph.input});
  const ValueId sum = add(Op::add, "sum", {a, b}), middle = add(Op::conv, "middle", {sum});
  const ValueId relu = add(Op::relu, "relu", {middle});
  graph.output = add(Op::add, "scores", {add(Op::linear, "head a", {relu}), add(Op::linear, "head b", {relu})});
  Recipe r;
  r.layers = {"int4", "act4-uniform"};
  std::vector<std::string> names;
  const std::vector<LayerRecipe> codes = resolve(graph, r);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] == LayerRecipe{"int8", "int8"}) names.push_back(graph.nodes[i].name);
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"head a", "head b", "stem a", "stem b"}));
}

TEST(Resolve, OneLayerIsFirstAndLast) {
  Recipe r;
  r.layers = {"int4", "int8"};
  EXPECT_EQ(resolve(network({"only"}), r)[0], LayerRecipe{});
  EXPECT_TRUE(resolve(Graph{}, r).empty());
}

TEST(Resolve, WarnsOfRulesThatMatchNothing) {
  Recipe r;
  r.rules = {{"relu", "int4", ""}, {"first", "int4", ""}, {"nowhere", "int4", ""}};
  std::vector<std::string> warnings;
  resolve(network({"first", "relu", "middle"}), r, &warnings);
  EXPECT_EQ(warnings, (std::vector<std::string>{"the rule 'relu' matches no conv or linear layer of model 'net'",
                                                "the rule 'nowhere' matches no conv or linear layer of model 'net'"}));
}

TEST(Resolve, RefusesBadPatternsAndEndlessNames) {
  Recipe r;
  r.rules = {{"(", "int4", ""}};
  EXPECT_EQ(failure([&] { resolve(network({"a"}), r); }).text,
            "the pattern '(' is not a regular expression (ECMAScript)");
  r.rules = {{"a", "int4", ""}};
  EXPECT_NE(failure([&] { resolve(network({std::string(100000, 'a')}), r); }).text.find("100000 bytes"),
            std::string::npos);
}

TEST(Resolve, TheResolvedRecipeSaysTheSame) {
  const Graph graph =
      network({"a.b", "axb", "relu1", "a.b.c", "[x]{2}(y)|z$^\\/*+?", "Größe \n\x01\xff", "last", "last2"});
  std::mt19937 random(8);
  for (int i = 0; i < 100; ++i) {
    Recipe r;
    r.name = "r";
    r.layers = {random() % 2 ? "int4" : "int8", random() % 2 ? "int8" : "act4-uniform"};
    r.first_last = first_last_rules[random() % 3].value;
    r.range = range_rules[random() % 5].value;
    static const char* const patterns[] = {"a.b", "^a", "last", "x", "\\|z", "2$", "."};
    for (std::size_t k = random() % 4; k > 0; --k) {
      r.rules.push_back({patterns[random() % std::size(patterns)], random() % 2 ? "int3" : "",
                         random() % 3 ? "sparq-2opt-trim" : "float"});
    }
    const Recipe full = resolved(graph, r);
    std::vector<std::string> warnings;
    EXPECT_EQ(resolve(graph, full, &warnings), resolve(graph, r));
    EXPECT_TRUE(warnings.empty());
    EXPECT_EQ(full.rules.size(), 7u);  // one a layer, each matching one layer alone
    EXPECT_EQ(full.first_last, FirstLast::same);
    EXPECT_EQ(full.range, r.range);
    EXPECT_EQ(parse_recipe(to_toml(full), "x"), full);
    EXPECT_EQ(resolved(graph, full), full);
  }
}

}  // namespace
}  // namespace bitsieve
