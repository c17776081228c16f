using Skipwise.Models;
using Skipwise.Rope;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models;

public sealed class ModelFingerprintTests
{
    [Fact]
    public void The_same_weights_have_one_fingerprint_and_any_change_another()
    {
        using CausalLM model = TinyModel.Create(seed: 4), twin = TinyModel.Create(seed: 4), other = TinyModel.Create(seed: 5);
        using CausalLM scaled = TinyModel.Create(seed: 4, rope: new RopeOptions { Type = RopeType.Linear, Factor = 2 });
        ulong fingerprint = ModelFingerprint.Compute(model);
        Assert.Equal(fingerprint, ModelFingerprint.Compute(twin));
        Assert.NotEqual(fingerprint, ModelFingerprint.Compute(other));
        Assert.NotEqual(fingerprint, ModelFingerprint.Compute(scaled));
        using (no_grad())
        {
            using TorchSharp.torch.Tensor last = twin.parameters().Last()[^1];
            last.add_(1e-3);
        }
        Assert.NotEqual(fingerprint, ModelFingerprint.Compute(twin));
    }
}
