"""ShaResNet: residual blocks whose second convolution is shared within a stage, or not (ResNet).

Boulch, "Reducing parameter number in residual networks by sharing weights",
Pattern Recognition Letters 2018; widths as in Zhong et al., APSIPA 2023.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


def _conv3x3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


class SharedBlock(nn.Module):
    """A basic residual block that borrows its second convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = _conv3x3(inputs, outputs, stride)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor, shared: nn.Conv2d) -> Tensor:
        y = F.relu(self.norm1(self.conv(x)))
        return F.relu(self.norm2(shared(y)) + self.shortcut(x))


class ResNetStage(nn.Module):
    """Blocks of one width with one shared second convolution, or with one each."""

    def __init__(
        self, inputs: int, outputs: int, blocks: int, stride: int, shared: bool = True
    ) -> None:
        super().__init__()
        own = [_conv3x3(outputs, outputs) for _ in range(1 if shared else blocks)]
        self.shared: nn.Conv2d | nn.ModuleList = own[0] if shared else nn.ModuleList(own)
        self.blocks = nn.ModuleList(
            SharedBlock(inputs if index == 0 else outputs, outputs, stride if index == 0 else 1)
            for index in range(blocks)
        )

    def forward(self, x: Tensor) -> Tensor:
        for index, block in enumerate(self.blocks):
            own = self.shared[index] if isinstance(self.shared, nn.ModuleList) else self.shared
            x = block(x, own)
        return x


class ShaResNet(nn.Module):
    """``[batch, 1, bands, frames]`` to frame vectors ``[batch, frames', 128]``.

    ``depths`` (2, 2, 2, 2) is ShaResNet18, (3, 3, 4, 3) ShaResNet28, (3, 4, 6, 3) ShaResNet34;
    not ``shared``, ResNet18 to 34.
    """

    widths = (16, 32, 64, 128)

    def __init__(
        self, depths: Sequence[int] = (2, 2, 2, 2), stem_stride: int = 2, shared: bool = True
    ) -> None:
        super().__init__()
        first = self.widths[0]
        self.stem = nn.Conv2d(1, first, 7, stride=stem_stride, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(first)
        inputs = (first, *self.widths[:-1])
        self.stages = nn.Sequential(
            *(
                ResNetStage(before, width, blocks, stride, shared)
                for before, width, blocks, stride in zip(
                    inputs, self.widths, depths, (1, 2, 2, 2), strict=True
                )
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(x)))
        x = self.stages(x)
        return x.mean(dim=2).transpose(1, 2)
