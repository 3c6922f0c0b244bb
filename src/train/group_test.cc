#include "train/group.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>

#include "base/error.h"

namespace bitsieve::train {
namespace {

// Runs `body` in this process as rank 0 and in a child as rank 1. False where the child's body failed.
template <class Body>
bool in_two(int port, const Body& body) {
  const pid_t child = fork();
  JobPart part;
  part.rank = child == 0 ? 1 : 0;
  part.size = 2;
  part.port = port;
  if (child == 0) {
    bool good = false;
    try {
      good = body(part);
    } catch (...) {
    }
    _exit(good ? 0 : 1);
  }
  const bool good = body(part);
  int status = 0;
  waitpid(child, &status, 0);
  return good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int free_port() { return 20000 + getpid() % 20000; }

TEST(Group, Sums) {
  EXPECT_TRUE(in_two(free_port(), [](const JobPart& part) {
    const Group group(part, 20);
    torch::Tensor a = torch::full({3}, part.rank + 1.0f), b = torch::full({2, 2}, part.rank + 5.0f);
    group.sum({a, b});
    const torch::Tensor x = torch::full({2}, part.rank + 1.0f).set_requires_grad(true);
    (group.sum_of(x) * (part.rank + 1.0f)).sum().backward();
    return a[2].item<float>() == 3 && b[1][1].item<float>() == 11 && x.grad()[0].item<float>() == 3;
  }));
}

// Norm over two halves is the norm over the whole, forward and backward.
TEST(Group, BatchNormOverAllProcesses) {
  EXPECT_TRUE(in_two(free_port() + 1, [](const JobPart& part) {
    const Group group(part, 20);
    torch::manual_seed(3);
    const torch::Tensor whole = torch::randn({8, 5, 3, 3}) * 2 + 1, wanted = torch::randn({8, 5, 3, 3});
    const torch::Tensor gamma = torch::rand({5}).set_requires_grad(true),
                        beta = torch::rand({5}).set_requires_grad(true);
    torch::Tensor mean = torch::zeros({5}), variance = torch::ones({5});
    torch::Tensor all = whole.clone().set_requires_grad(true);
    torch::Tensor y = torch::batch_norm(all, gamma, beta, mean, variance, true, 0.1, 1e-5, false);
    (y * wanted).sum().backward();
    const torch::Tensor gamma_gradient = gamma.grad().clone();
    gamma.mutable_grad().zero_();

    torch::Tensor half = whole.narrow(0, 4 * part.rank, 4).clone().set_requires_grad(true);
    torch::Tensor its_mean = torch::zeros({5}), its_variance = torch::ones({5});
    const torch::Tensor got = batch_norm(group, half, gamma, beta, its_mean, its_variance, 0.1, 1e-5);
    (got * wanted.narrow(0, 4 * part.rank, 4)).sum().backward();
    group.sum(gamma.mutable_grad());
    const auto close = [](const torch::Tensor& a, const torch::Tensor& b) { return torch::allclose(a, b, 1e-4, 1e-5); };
    return close(got, y.narrow(0, 4 * part.rank, 4)) && close(half.grad(), all.grad().narrow(0, 4 * part.rank, 4)) &&
           close(gamma.grad(), gamma_gradient) && close(its_mean, mean) && close(its_variance, variance);
  }));
}

TEST(Group, SaysWhoIsMissing) {
  try {
    JobPart part;
    part.size = 2;
    part.port = free_port() + 2;
    const Group group(part, 1);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("rank 0 did not meet the others"), std::string::npos) << e.what();
  }
  bool noticed = false;
  in_two(free_port() + 3, [&](const JobPart& part) {
    const Group group(part, 3);
    torch::Tensor a = torch::zeros({1});
    group.sum(a);
    if (part.rank == 1) _exit(0);
    try {
      group.sum(a);
    } catch (const Error& e) {
      noticed = std::string(e.what()).find("rank 0 lost one of the others") != std::string::npos;
    }
    return true;
  });
  EXPECT_TRUE(noticed);
}

}  // namespace
}  // namespace bitsieve::train
