/* The integers of a packed Bitsieve network (.bsv, version 2, see docs/format.md) in plain C99: of every convolution
 * and linear layer computed in integers the name, the weights as int8, their scales and the biases.
 *
 * As a program: cc -std=c99 -O2 bsv_reader.c -o bsv_reader
 *   bsv_reader FILE         a line for each layer, fields parted by tabs: name, O, K, form, FNV-1a-64 of the weights
 *   bsv_reader FILE LAYER   the O * K weights of that layer to the standard output, a byte each
 *   Exit status: 0; 1 for a file that is bad or lacks the layer, with one line on stderr; 2 for wrong usage.
 * As a library: compile with -DBSV_NO_MAIN; where it is used, #define BSV_DECLARATIONS and #include this file.
 * To decode shared shifts only, take the part with that title: it needs no memory and nothing of the rest.
 *
 * Files are hostile until checked: whatever is used is checked first. What is not used is passed over: the XXH3
 * checksums, so that damage may show as other weights (the C++ reader, src/pack/, finds it), filling bits and bytes,
 * reserved fields, other sections, and what only running the network relies on. */
#include <inttypes.h>
#include <stddef.h>

typedef struct {               /* Pointers lead into the file's bytes, which must stay. */
  const char *name;            /* UTF-8 without control characters, not terminated */
  uint32_t name_size, outputs; /* outputs: O, also called filters */
  uint64_t k;                  /* K, weights of a filter. O * K fits size_t and is at most 4 * stored_size + 3. */
  unsigned bits, filter_bits;  /* of a weight; of a filter's number in the order */
  int shared, consecutive, one_group, scheduled; /* shared: form 1, then its flags; otherwise form 0 */
  uint64_t group, run;                           /* form 1: M and run; O * K where the layer is one group */
  uint32_t columns, shifts;                      /* form 1: C and N; without a schedule C is O, with one N is 0 */
  uint64_t order, groups;                        /* form 1: bits of `stored` where the order and the groups start */
  const uint8_t *stored, *scales, *biases;       /* see bsv_decode, bsv_scale, bsv_bias */
  uint64_t stored_size;
} bsv_layer;

typedef struct {
  const char *error;             /* NULL, or why reading stopped, without a line end; never freed */
  const uint8_t *at[4], *end[4]; /* by section: what comes next, and its end */
  const uint8_t *weights;        /* where WGHT starts */
  const uint8_t **shape;         /* by value: its list */
  uint32_t values, nodes;        /* nodes: those still to come */
} bsv_reader;

int bsv_open(bsv_reader *reader, const void *file, size_t size); /* 1, or 0 with an error; close it in either case */
int bsv_next(bsv_reader *reader, bsv_layer *layer);              /* 1, or 0 at the end and with an error */
void bsv_close(bsv_reader *reader);
const char *bsv_decode(const bsv_layer *layer, int8_t *weights); /* writes O * K in K order; NULL or an error */
unsigned bsv_shifts(const bsv_layer *layer, uint32_t i);         /* form 1: N of the filter that runs as number i */
float bsv_scale(const bsv_layer *layer, uint32_t output);        /* real weight = weight * scale */
int32_t bsv_bias(const bsv_layer *layer, uint32_t output);       /* real bias = bias * scale * scale of the input */

#ifndef BSV_DECLARATIONS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Shared shifts: form 1 of weights ---- */

/* `count` bits from bit `at` on, the first lowest. The caller knows that they are there. */
static uint32_t bits_at(const uint8_t *bytes, uint64_t at, unsigned count) {
  uint32_t value = 0;
  for (unsigned i = 0; i < count; ++i, ++at) value |= (uint32_t)(bytes[at / 8] >> (at % 8) & 1) << i;
  return value;
}

static uint64_t end_of_byte(uint64_t bits) { return (bits + 7) / 8 * 8; }

/* A group at bit `at`: the signs; then for each position its number (of consecutive ones only the first has it) and a
 * mask, the weights that have it. The first `count` weights are real, the others fill the group. */
static const char *decode_group(const bsv_layer *layer, uint64_t at, unsigned shifts, int8_t *weights, uint64_t count) {
  unsigned position[8];
  uint64_t mask[8], next = at + layer->group;
  for (unsigned j = 0; j < shifts; ++j, next += layer->group) {
    const int stored = j == 0 || !layer->consecutive;
    position[j] = stored ? bits_at(layer->stored, next, 3) : position[j - 1] + 1;
    if (position[j] > 7 || (j > 0 && position[j] <= position[j - 1])) return "positions that do not ascend up to 7";
    mask[j] = next += stored ? 3 : 0;
  }
  for (uint64_t i = 0; i < count; ++i) {
    const int negative = (int)bits_at(layer->stored, at + i, 1);
    int magnitude = 0;
    for (unsigned j = 0; j < shifts; ++j) magnitude |= (int)bits_at(layer->stored, mask[j] + i, 1) << position[j];
    if (magnitude > 127 + negative) return "a weight outside of -128 to 127";
    weights[i] = (int8_t)(negative ? -magnitude : magnitude);
  }
  return NULL;
}

/* Which filter runs as number i, and with how many shifts. */
static uint32_t filter_at(const bsv_layer *layer, uint32_t i) {
  if (!layer->scheduled) return i;
  return bits_at(layer->stored, layer->order + (uint64_t)i * layer->filter_bits, layer->filter_bits);
}

unsigned bsv_shifts(const bsv_layer *layer, uint32_t i) {
  return layer->scheduled ? bits_at(layer->stored, (uint64_t)4 * (i / layer->columns), 4) : layer->shifts;
}

/* Of a layer from bsv_next, or one that has passed check_shifts. A layer that is one group is decoded as one filter. */
static const char *decode_shifts(const bsv_layer *layer, int8_t *weights) {
  const uint32_t filters = layer->one_group ? 1 : layer->outputs;
  const uint64_t k = layer->one_group ? layer->group : layer->k;
  uint64_t at = layer->groups;
  for (uint32_t i = 0; i < filters; ++i) weights[i * k] = 0;
  for (uint32_t i = 0; i < filters; ++i) { /* Filters already met are marked where their weights will be. */
    const uint32_t filter = filter_at(layer, i);
    if (filter >= filters || weights[filter * k]++ != 0) return "the order of filters is no permutation";
  }
  for (uint32_t i = 0; i < filters; ++i) {
    const unsigned shifts = bsv_shifts(layer, i);
    const uint64_t bits = layer->group * (1 + shifts) + (layer->consecutive ? 3 : 3 * shifts);
    int8_t *filter = weights + filter_at(layer, i) * k;
    for (uint64_t first = 0, count; first < k; first += count, at += bits) {
      const uint64_t left = layer->run - first % layer->run; /* in the run; its last group is filled */
      count = left < layer->group ? left : layer->group;
      if (at + bits > 8 * layer->stored_size) return "too few bytes for the groups";
      const char *error = decode_group(layer, at, shifts, filter + first, count);
      if (error) return error;
    }
    if ((i + 1) % layer->columns == 0 || i + 1 == filters) at = end_of_byte(at); /* a block ends */
  }
  return at == 8 * layer->stored_size ? NULL : "bytes follow the last group";
}

/* Of the fields as they are in the file, with an O * K that fits; sets the others. Then decode_shifts stays inside. */
static const char *check_shifts(bsv_layer *layer) {
  const uint64_t m = layer->group, run = layer->run;
  const int one = layer->one_group;
  if (one ? m > 0 : m < 1 || m > 32 || (m & (m - 1)) != 0) return "groups of a wrong size";
  if (one ? run > 0 : run < 1 || layer->k % run != 0) return "runs that do not divide the filters";
  if (layer->scheduled ? one || layer->shifts > 0 : layer->columns > 0) return "a schedule that cannot be";
  if (one) layer->group = layer->run = layer->outputs * layer->k;
  if (!layer->scheduled) layer->columns = layer->outputs;
  if (layer->columns < 1) return "blocks of no filters";
  if (layer->scheduled) {
    while ((layer->outputs - 1) >> layer->filter_bits != 0) ++layer->filter_bits;
    layer->order = end_of_byte(4 * ((uint64_t)(layer->outputs - 1) / layer->columns + 1));
    layer->groups = end_of_byte(layer->order + (uint64_t)layer->outputs * layer->filter_bits);
    if (layer->groups > 8 * layer->stored_size) return "too few bytes for the schedule";
  }
  for (uint64_t i = 0; i < layer->outputs; i += layer->columns)
    if (bsv_shifts(layer, (uint32_t)i) < 1 || bsv_shifts(layer, (uint32_t)i) > 8) return "other than 1 to 8 shifts";
  return NULL;
}

/* ---- All of the file; here numbers, form 0 of weights ---- */

const char *bsv_decode(const bsv_layer *layer, int8_t *weights) {
  if (layer->shared) return decode_shifts(layer, weights);
  for (uint64_t i = 0; i < layer->outputs * layer->k; ++i) {
    const int sign = 1 << (layer->bits - 1), number = (int)bits_at(layer->stored, i * layer->bits, layer->bits);
    weights[i] = (int8_t)((number ^ sign) - sign);
  }
  return NULL;
}

enum { GRPH, CODE, NUMB, WGHT };

static uint32_t u32(const uint8_t *p) { return bits_at(p, 0, 32); }
static uint64_t u64(const uint8_t *p) { return u32(p) | (uint64_t)u32(p + 4) << 32; }

/* Of extents, and at most 2^60: more than any file holds, so that `take` fails, and still far from an overflow. */
static const uint64_t most = (uint64_t)1 << 60;
static uint64_t product(uint64_t a, uint64_t b) { return a > most / b ? most : a * b; }

/* The first error stays. Returns 0. */
static int fail(bsv_reader *r, const char *error) {
  if (!r->error) r->error = error;
  return 0;
}

/* The next bytes of a section. NULL where they are not there, and always after an error. */
static const uint8_t *take(bsv_reader *r, int section, uint64_t size) {
  const uint8_t *bytes = r->at[section];
  if (r->error || size > (uint64_t)(r->end[section] - bytes)) return fail(r, "a section ends too early"), NULL;
  r->at[section] += size;
  return bytes;
}

/* A number of 1 or 4 bytes that is at most `limit`; 0 after an error. */
static uint32_t take_number(bsv_reader *r, int section, unsigned size, uint32_t limit) {
  const uint8_t *p = take(r, section, size);
  if (p && bits_at(p, 0, 8 * size) > limit) fail(r, "a flag, count, operator, form or extent is out of bounds");
  return r->error ? 0 : bits_at(p, 0, 8 * size);
}

/* A length and so many records. */
static const uint8_t *take_list(bsv_reader *r, int section, unsigned length_bytes, unsigned record_bytes) {
  return take(r, section, (uint64_t)take_number(r, section, length_bytes, UINT32_MAX) * record_bytes);
}

static int find_sections(bsv_reader *r, const uint8_t *file, uint64_t size) {
  static const char tags[] = "GRPHCODENUMBWGHTINFORCPEPREP"; /* those of the enum first */
  unsigned found = 0;
  if (size < 64 || memcmp(file, "\x89\x42SV\r\n\x1a\n", 8) != 0) return fail(r, "not a bsv file");
  if (u32(file + 8) != 2) return fail(r, "not version 2 of the format");
  if (u64(file + 16) != size) return fail(r, "truncated, or bytes follow the end");
  const uint64_t header = u32(file + 12), count = u32(file + 24);
  uint64_t end = header + 48 * count; /* of what has been passed over */
  if (header < 64 || header > 4096 || header % 64 != 0) return fail(r, "the length of the header is wrong");
  if (count > 256 || end > size) return fail(r, "the table of sections does not fit");
  for (const uint8_t *entry = file + header, *last = file + end; entry < last; entry += 48) {
    const uint64_t offset = u64(entry + 8), bytes = u64(entry + 16);
    int tag = 0;
    while (tag < 7 && memcmp(entry, tags + 4 * tag, 4) != 0) ++tag;
    if (tag == 7 && (entry[4] & 1) == 0) return fail(r, "an unknown section: the file is of a newer program");
    if (tag < 7 && (found >> tag & 1) != 0) return fail(r, "a section is there twice");
    if (offset < end || offset % 64 || offset > size || bytes > size - offset) return fail(r, "a misplaced section");
    end = offset + bytes;
    found |= 1u << tag;
    if (tag <= WGHT) r->at[tag] = file + offset, r->end[tag] = file + end;
  }
  r->weights = r->at[WGHT];
  return ((found & 127) == 127 && end == size) || fail(r, "a section is missing, or bytes follow the last one");
}

/* Reads GRPH up to the nodes, CODE up to the layers, NUMB up to the parameters. */
int bsv_open(bsv_reader *r, const void *file, size_t size) {
  memset(r, 0, sizeof *r);
  if (!find_sections(r, file, size)) return 0;
  take_list(r, GRPH, 4, 1); /* name */
  r->values = take_number(r, GRPH, 4, 65536);
  r->nodes = take_number(r, GRPH, 4, 65536);
  take(r, GRPH, 8); /* input and output */
  r->shape = malloc((r->values + (size_t)1) * sizeof *r->shape);
  if (!r->shape) return fail(r, "out of memory");
  for (uint32_t i = 0; i < r->values; ++i) {
    take_list(r, GRPH, 4, 1); /* name */
    const uint32_t constant = take_number(r, GRPH, 1, 1);
    uint64_t elements = 1;
    r->shape[i] = r->at[GRPH];
    for (uint32_t rank = take_number(r, GRPH, 1, 8); rank > 0; --rank) {
      const uint32_t extent = take_number(r, GRPH, 4, (uint32_t)1 << 30);
      if (extent < 1) return fail(r, "a shape has an extent of 0");
      elements = product(elements, extent);
    }
    take(r, NUMB, constant ? 4 * elements : 0);
  }
  take_list(r, CODE, 4, 513);             /* transforms of activations */
  take(r, CODE, (uint64_t)5 * r->values); /* types and scales */
  return !r->error;
}
void bsv_close(bsv_reader *r) { free(r->shape); }

/* O and K from the shapes of a node's input and output. window: NULL for a linear layer, which has the last extents. */
static int weight_shape(bsv_reader *r, const uint8_t *in, const uint8_t *out, const uint8_t *window, bsv_layer *layer) {
  if (window ? in[0] != 3 || out[0] != 3 : in[0] < 1 || out[0] < 1) return fail(r, "a layer of values of a wrong rank");
  layer->outputs = u32(out + (window ? 1 : 4 * out[0] - 3));
  layer->k = u32(in + (window ? 1 : 4 * in[0] - 3));
  if (!window) return 1;
  const uint32_t height = u32(window), width = u32(window + 4), groups = u32(window + 40);
  if (height < 1 || width < 1 || groups < 1 || layer->k % groups != 0) return fail(r, "a wrong kernel or groups");
  layer->k = product(product(layer->k / groups, height), width);
  return 1;
}

/* A node of GRPH. Whether it has weights. */
static int read_node(bsv_reader *r, bsv_layer *layer, uint32_t *bias) {
  enum { conv = 1, linear = 2, operators = 22 };
  /* Of an operator's attributes: the bytes before lists; the lists. */
  static const uint8_t fixed[] = {0, 44, 0, 0, 0, 4, 8, 0, 8, 0, 0, 0, 0, 0, 4, 0, 4, 40, 41, 1, 0, 0, 4};
  static const uint8_t lists[operators + 1] = {[15] = 3, [16] = 2, [19] = 1, [21] = 1};
  layer->name_size = take_number(r, GRPH, 4, 4096);
  layer->name = (const char *)take(r, GRPH, layer->name_size);
  const uint32_t op = take_number(r, GRPH, 1, operators);
  *bias = take_number(r, GRPH, 1, 1);
  const uint32_t inputs = take_number(r, GRPH, 4, UINT32_MAX);
  const uint8_t *input = take(r, GRPH, (uint64_t)4 * inputs), *output = take(r, GRPH, 4 + 8); /* and clamp */
  const uint8_t *window = take(r, GRPH, fixed[op]);
  for (int i = 0; i < lists[op]; ++i) take_list(r, GRPH, 1, 4);
  if (r->error || op == 0) return fail(r, "operator 0");
  if (op != conv && op != linear) return 0;
  for (uint32_t i = 0; i < layer->name_size; ++i)
    if ((uint8_t)layer->name[i] < 0x20 || layer->name[i] == 0x7f) return fail(r, "a name has control characters");
  if (inputs != 1 || u32(input) >= r->values || u32(output) >= r->values) return fail(r, "a layer of unknown values");
  return weight_shape(r, r->shape[u32(input)], r->shape[u32(output)], op == conv ? window : NULL, layer);
}

/* The form of a layer's weights, in CODE. */
static void read_form(bsv_reader *r, bsv_layer *layer) {
  const uint8_t *p = take_number(r, CODE, 1, 1) == 1 ? take(r, CODE, 9) : NULL;
  if (!p) return;
  if (p[0] > 7) fail(r, "unknown flags of shared shifts");
  layer->shared = 1;
  layer->consecutive = p[0] & 1;
  layer->one_group = p[0] >> 1 & 1;
  layer->scheduled = p[0] >> 2 & 1;
  layer->group = p[1];
  layer->shifts = p[2];
  layer->columns = bits_at(p, 24, 16);
  layer->run = u32(p + 5);
}

/* A layer's weights, in WGHT. */
static void read_weights(bsv_reader *r, bsv_layer *layer) {
  const uint64_t count = product(layer->outputs, layer->k), at = (uint64_t)(r->at[WGHT] - r->weights);
  take(r, WGHT, (64 - at % 64) % 64);
  if (layer->bits < 2 || layer->bits > 8) fail(r, "weights of other than 2 to 8 bits");
  const uint8_t *size = take(r, WGHT, layer->shared ? 8 : 0);
  layer->stored_size = size && layer->shared ? u64(size) : (count * layer->bits + 7) / 8;
  layer->stored = take(r, WGHT, layer->stored_size);
  /* A weight has two bits at least, in both forms, so that a file cannot ask for more memory than four times its size.
   */
  if (count > SIZE_MAX || count / 4 > layer->stored_size) fail(r, "too few bytes for the weights");
  if (!r->error && layer->shared) r->error = check_shifts(layer);
}

int bsv_next(bsv_reader *r, bsv_layer *layer) {
  for (; r->nodes > 0 && !r->error; --r->nodes) {
    uint32_t bias = 0;
    memset(layer, 0, sizeof *layer);
    const int weighted = read_node(r, layer, &bias);
    const uint32_t integer = take_number(r, CODE, 1, 1);
    if (weighted) {
      take_list(r, CODE, 4, 1); /* names of the codes */
      take_list(r, CODE, 4, 1);
      layer->bits = take_number(r, CODE, 1, 255);
      take(r, CODE, 5); /* bits of activations, transform */
      if (!integer) take(r, NUMB, 4 * (product(layer->outputs, layer->k) + bias * layer->outputs));
    }
    if (!integer) continue;
    if (weighted) {
      read_form(r, layer);
      layer->scales = take(r, NUMB, (uint64_t)4 * layer->outputs);
      layer->biases = take(r, NUMB, (uint64_t)4 * layer->outputs);
      read_weights(r, layer);
    }
    take(r, CODE, 8);                                                 /* clamp */
    take(r, NUMB, (uint64_t)4 * take_number(r, CODE, 4, UINT32_MAX)); /* multipliers */
    take_list(r, CODE, 1, 4);                                         /* factors */
    take(r, CODE, take_number(r, CODE, 1, 1) * (uint64_t)256);        /* table */
    take_list(r, CODE, 4, 1);                                         /* constant operand */
    if (weighted) return --r->nodes, !r->error;
  }
  for (int i = GRPH; i <= WGHT; ++i)
    if (r->at[i] != r->end[i]) fail(r, "a section has bytes at its end that nobody reads");
  return 0;
}

typedef union {
  uint32_t bits;
  float scale;
  int32_t bias;
} word;
float bsv_scale(const bsv_layer *layer, uint32_t o) { return (word){u32(layer->scales + (size_t)4 * o)}.scale; }
int32_t bsv_bias(const bsv_layer *layer, uint32_t o) { return (word){u32(layer->biases + (size_t)4 * o)}.bias; }

#ifndef BSV_NO_MAIN
/* The rest of a file; NULL where memory ends. */
static uint8_t *read_all(FILE *in, size_t *size) {
  uint8_t *bytes = NULL;
  for (size_t room = *size = 0; !feof(in) && !ferror(in);) {
    uint8_t *more = *size == room ? realloc(bytes, room = 2 * room + 65536) : bytes;
    if (!more) return free(bytes), NULL;
    bytes = more;
    *size += fread(bytes + *size, 1, room - *size, in);
  }
  return bytes;
}

static void print_layer(const bsv_layer *l, const int8_t *weights) {
  uint64_t hash = 0xcbf29ce484222325;
  double shifts = 0;
  for (uint64_t i = 0; i < l->outputs * l->k; ++i) hash = (hash ^ (uint8_t)weights[i]) * 0x100000001b3;
  for (uint32_t i = 0; l->shared && i < l->outputs; ++i) shifts += bsv_shifts(l, i);
  printf("%.*s\t%" PRIu32 "\t%" PRIu64, (int)l->name_size, l->name, l->outputs, l->k);
  if (!l->shared) printf("\tint%u", l->bits);
  if (l->shared) printf("\tswis%s M=%" PRIu64 " N=%g", l->consecutive ? "c" : "", l->group, shifts / l->outputs);
  printf("\t%016" PRIx64 "\n", hash);
}

/* Decodes all layers. Prints them, or writes the one that is wanted, if asked to. */
static const char *walk(const uint8_t *file, size_t size, const char *wanted, int print) {
  bsv_reader r;
  bsv_layer layer;
  int found = !wanted;
  for (bsv_open(&r, file, size); bsv_next(&r, &layer);) {
    const size_t count = (size_t)(layer.outputs * layer.k);
    int8_t *weights = malloc(count);
    const int same = wanted && layer.name_size == strlen(wanted) && memcmp(layer.name, wanted, layer.name_size) == 0;
    r.error = weights ? bsv_decode(&layer, weights) : "out of memory";
    if (print && !r.error && same) fwrite(weights, 1, count, stdout);
    if (print && !r.error && !wanted) print_layer(&layer, weights);
    found |= same;
    free(weights);
  }
  bsv_close(&r);
  return found || r.error ? r.error : "it has no such layer computed in integers";
}

int main(int argc, char **argv) {
  size_t size;
  if (argc != 2 && argc != 3) return fputs("usage: bsv_reader FILE [LAYER]\n", stderr), 2;
  FILE *in = fopen(argv[1], "rb");
  uint8_t *file = in ? read_all(in, &size) : NULL;
  const char *error = !file || ferror(in) ? "it cannot be read" : walk(file, size, argv[2], 0);
  if (!error) error = walk(file, size, argv[2], 1); /* only now, so that a bad file prints nothing but the error */
  if (!error && fflush(stdout) != 0) error = "the output cannot be written";
  if (error) fprintf(stderr, "bsv_reader: %s: %s\n", argv[1], error);
  if (in) fclose(in);
  free(file);
  return error != NULL;
}
#endif
#endif
