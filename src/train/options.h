// What can be said about a training run, and what it reports. Free of torch.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/job.h"
#include "quant/recipe.h"
#include "train/batches.h"
#include "train/schedule.h"

namespace bitsieve::train {

struct TrainerOptions {
  int epochs = 10;
  int first_epoch = 0;  // epochs of the stages before: batches go on from there
  Schedule schedule;    // its epochs are set to these
  double momentum = 0.9;
  double decay = 1e-4;         // of weights, gamma and beta, as the authors of BSQ have it
  double label_smoothing = 0;  // 0 to 1
  // Of the moving average of all variables, a step; 0: none. The averages are what is kept at the end. Of variables
  // that torch's optimizer trains: a method's own (planes) are never averaged.
  double average = 0;
  double distill = 0;  // share of the loss that asks for the scores of the network that training began with, 0 to 1
  // By which both networks' scores are divided there, above 0: the more, the more it counts how likely the network
  // finds the wrong classes. Gradients shrink with its square, so that part of the loss is multiplied by it (Hinton et
  // al., 2015).
  double temperature = 1;
  int norm_batches = 0;  // at the end, statistics of batch norms anew from so many batches; 0: as they are
};

// Activations while training: those that the quantized model will have. Values get the scales that quantize() gives
// them, and layers read them through their activation code; gradients pass rounding as if it were not there, and end
// where a value is clipped.
struct ActivationOptions {
  std::string code;                  // row of the table of activation codes, for all layers but the outermost (int8);
                                     // empty: float
  RangeRule range = RangeRule::mse;  // of what the float network gives at the start of each stage
  std::int64_t images = 512;         // that it is shown for that
  double fixed = 0;  // the range of all values that are never negative (6: ReLU6, as the paper of BSQ has it); 0: none
  std::string keep_float;  // TrainOptions::keep_float: layers that read plain values
  bool learn = false;      // ranges are trained (PACT: the gradient of a clipped value goes to its range)
  bool dynamic = false;    // in training, each batch's largest value; the running mean is kept (the authors of BSQ)
};

// What a method made of one layer.
struct LayerBits {
  std::string node;
  std::int64_t weights = 0;
  int bits = 0;      // of a magnitude, as the paper of BSQ counts; 0: the layer is all zeros. Stored: one more
  double scale = 0;  // of the weight with all bits, s; 0: there is none for the whole layer
  // Planes over all adjustments: empty ones taken away, carries', and the lowest rounded away because int8 has no room.
  int from_top = 0, from_bottom = 0, grown = 0, halved = 0;
};

// That has the layer's whole steps: "int4-exact" for three magnitude bits. There is none for a layer of zeros alone,
// which takes the smallest.
std::string weight_code_of(const LayerBits& layer);

// Mean over all weights; stored: with a sign bit for each weight of a layer that is not all zeros.
double magnitude_bits(const std::vector<LayerBits>& layers);
double stored_bits(const std::vector<LayerBits>& layers);

struct EpochReport {
  std::string stage;              // "train", "bsq", "finetune"
  int epoch = 0, epochs = 0;      // done, of the whole run: 1 to epochs
  double loss = 0, accuracy = 0;  // means over the epoch's batches, in training mode; accuracy in percent
  double rate = 0;                // at the end of the epoch
  double seconds = 0;
  double left = 0;        // seconds, by the mean of this stage's epochs
  std::vector<int> bits;  // of every layer that the method has bits of
  double mean_bits = 0;   // magnitude bits of a weight; 0 where there are none
};

// The defaults are for short runs from a trained network (docs/methods/bsq.md); paper_bsq() has the paper's.
struct BsqOptions {
  // Weight of the regularizer (specification of BSQ, A.3). None: such that, without the loss, the mean layer gets to
  // `floor` in a third of the first interval (D.3); later it takes longer, as its bits become fewer.
  std::optional<double> alpha;
  int bits = 5;       // magnitude bits at the start
  int most_bits = 8;  // a carry may grow a layer up to; int8 weights hold 7, so the last adjustment cuts to that
  // Epochs between adjustments (A.4), also a fraction of one; after the last one there is always one. 0: a sixth of
  // all.
  double interval = 0;
  double decay = 1e-4;  // of planes: shrinks bits as alpha does (D.4)
  // Of planes, to the rate of everything else. The weights of a layer move by about its squared scale times the rate:
  // for networks with scales well below 1, 1 trains them more slowly than float training at the same rate does.
  double plane_rate = 1;
  bool train_scale = true;
  // TrainOptions::plain_scales; otherwise scales are multiples of what they were at the last adjustment.
  bool plain_scales = false;
  // Layers are weighed not by their size alone but also by what a bit of theirs costs: the regularizer of a layer is
  // multiplied with mean / own of (E[gradient^2] scale^2)^(1/4) / 4^bits (the mean is geometric, over weights; factors
  // within 1/16 to 16). With an exponent of 1 it is what a coarser step costs the loss, to second order, by the
  // empirical Fisher information; but training with the bits that are found makes up for most of the differences
  // between layers (docs/methods/bsq.md has what other exponents gave). Not in the paper.
  bool by_sensitivity = true;
  // Share of a layer's planes, by their norms, that is left between two adjustments: where there is less, regularizer
  // and decay rest. All weights of one bit shrink together, so with less than half a layer dies at once; with 0.55 it
  // loses about a bit at most. 0: as the paper has it.
  double floor = 0.55;
  // Mean magnitude bits, as of the last adjustment, at which the regularizer rests; 0: never.
  double target = 2;
  // Planes that a smaller share of a layer's weights has a digit in are taken away as if they were empty (B.8), 0 to 1.
  double strip_share = 0;
  // What the authors' code does and the paper does not (specification of BSQ, B).
  bool official_clip = false;  // the forward pass clips sums at 2^bits - 1 (B.1)
  // [0, 2] for weights and norms of float layers and trained ranges as well; in finetuning [-1, 1] for weights and
  // norms' factors of float layers (B.2).
  bool official_projection = false;
  bool official_scale_decay = false;  // weight decay of scales too (B.5)
};

// For 350 epochs of 391 steps (A.7); shorter runs need an alpha, and a decay, as many times larger (D.3).
BsqOptions paper_bsq();

struct MsqOptions {
  int bits = 7;  // magnitude bits at the start
  // Of the gradient that draws a latent weight to the coarser grid. None: such that, without the loss, all get there in
  // a third of an interval; a layer of fewer bits, whose steps are longer, then has a larger one.
  std::optional<double> lambda;
  double odd_share = 0.3;     // a layer loses its lowest bit where at most so many weights still have it
  double interval = 0;        // epochs between looks, also a fraction of one; 0: an eighth of all
  double target = 3;          // mean magnitude bits at which regularizer and dropping end
  bool plain_scales = false;  // TrainOptions::plain_scales
};

struct CodedOptions {
  std::string code = "swis-n3-m4";
  std::int64_t interval = 1;  // steps between searches; between them weights are rounded to the positions that their
                              // groups have. 0: one search at the start
};

struct TrainOptions {
  std::string method = "float";  // row of train/methods.h
  TrainerOptions trainer;
  BatchOptions batches;
  std::string keep_float;  // regular expression: layers whose name it is found in stay float; empty: none
  ActivationOptions activations;
  BsqOptions bsq;
  MsqOptions msq;
  CodedOptions coded;
  int qat_bits = 3;                   // magnitude bits of every layer, 1 to 7
  std::map<std::string, int> scheme;  // qat: magnitude bits, 1 to 7, of every layer but those of keep_float, by
  // node. Empty: qat_bits for all
  // After bsq and msq: training with the bits that they found, from their weights or, with restart, from those that
  // they started from.
  int finetune_epochs = -1;   // -1: trainer's, five times that with restart
  double finetune_rate = -1;  // -1: trainer's with restart, or half of it
  std::vector<double> finetune_drops;
  std::optional<bool> restart;  // by default they do
  // bsq, msq and qat: scales are trained as they are, as the paper has it, not as multiples of what they start from
  // (train/trained_scale.h). The unit of the network's inputs then decides how far a step of the first layer's goes.
  bool plain_scales = false;
  // Of latent weights of one bit, which qat, msq's and bsq's finetuning train as multiples of their layer's scale, to
  // the learning rate of everything else; with more bits it comes nearer to 1 (latent_rate_of() in train/qat.h). Above
  // 0.
  double latent_rate = 5;
  bool scratch = false;        // random weights instead of the network's own, by the seed of the batches
  int threads = 0;             // 0: all processors
  std::string device = "cpu";  // or cuda
  JobPart part;                // of several processes
  double timeout = 300;        // seconds that the others may be silent for
  // What the processes of a job have to agree on, for people: option and value.
  std::map<std::string, std::string> agreed;
};

// With values for all that follows from other options where it was not said: bsq.interval, finetune_epochs,
// finetune_rate, restart.
TrainOptions settled(TrainOptions options);

// How many intervals of so many epochs (0: one) are over; what a fraction like 1/6 misses by rounding does not delay
// one.
std::int64_t intervals_of(double epoch, double interval);

}  // namespace bitsieve::train
