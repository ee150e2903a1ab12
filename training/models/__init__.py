"""The network: SincNet bands, a shared-convolution ResNet, LDE pooling, three heads."""
