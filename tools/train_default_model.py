#!/usr/bin/python3
"""Trains models/fashion-resnet14.onnx, the embedded default network, from Debian's dataset-fashion-mnist.

Needs Debian's python3-torch. Deterministic for one machine and one number of threads.
    tools/train_default_model.py [--epochs 16] [--output models/fashion-resnet14.onnx]
"""
import argparse
import gzip
import math
import time

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

FOLDER = "/usr/share/datasets/fashion-mnist"
MEAN, STD = 0.2860, 0.3530  # of the training images, scaled to 0..1


def load(split):
    with gzip.open(f"{FOLDER}/{split}-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(f"{FOLDER}/{split}-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read(), np.uint8, offset=8)
    return (torch.from_numpy(images.copy()).float() / 255 - MEAN) / STD, torch.from_numpy(labels.astype(np.int64))


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.shortcut = nn.Sequential()
        if stride != 1 or cin != cout:
            self.shortcut = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet14(nn.Module):
    """Stem and three stages of two residual blocks: 16, 32, 64 channels."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.stages = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 32, 2), Block(32, 32, 1),
                                    Block(32, 64, 2), Block(64, 64, 1))
        self.classifier = nn.Linear(64, 10)

    def forward(self, x):
        return self.classifier(self.stages(self.stem(x)).mean((2, 3)))


def augment(batch, generator):
    """Random horizontal flip and a shift of up to two pixels."""
    n = batch.shape[0]
    flip = torch.rand(n, generator=generator) < 0.5
    batch = torch.where(flip[:, None, None, None], batch.flip(3), batch)
    padded = F.pad(batch, (2, 2, 2, 2), value=-MEAN / STD)
    dy, dx = torch.randint(0, 5, (2, n), generator=generator)
    rows = (dy[:, None] + torch.arange(28))[:, None, :, None]
    cols = (dx[:, None] + torch.arange(28))[:, None, None, :]
    return padded[torch.arange(n)[:, None, None, None], 0, rows, cols]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", default="models/fashion-resnet14.onnx")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    x, y = load("train")
    test_x, test_y = load("t10k")
    net = ResNet14().to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    steps_per_epoch = len(x) // 128
    total, step, start = args.epochs * steps_per_epoch, 0, time.time()
    for epoch in range(args.epochs):
        net.train()
        order = torch.randperm(len(x), generator=generator)
        for i in range(steps_per_epoch):
            rate = min(1, (step + 1) / 200) * 0.05 * (1 + math.cos(math.pi * step / total))
            for group in optimiser.param_groups:
                group["lr"] = rate
            pick = order[i * 128:(i + 1) * 128]
            batch = augment(x[pick], generator).contiguous(memory_format=torch.channels_last)
            loss = F.cross_entropy(net(batch), y[pick])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
        net.eval()
        with torch.no_grad():
            right = sum((net(test_x[j:j + 500]).argmax(1) == test_y[j:j + 500]).sum().item()
                        for j in range(0, len(test_x), 500))
        print(f"epoch {epoch + 1}/{args.epochs} loss {loss.item():.4f} test {right / 100:.2f} % "
              f"{time.time() - start:.0f} s", flush=True)
        torch.onnx.export(net.to(memory_format=torch.contiguous_format), test_x[:1], args.output, opset_version=13,
                          input_names=["input"], output_names=["logits"], training=torch.onnx.TrainingMode.PRESERVE,
                          do_constant_folding=False, dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
        net = net.to(memory_format=torch.channels_last)


if __name__ == "__main__":
    main()
