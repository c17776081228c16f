using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

/// <summary>The head's gradients in 16 bits against those of the same numbers in float32.</summary>
public class LinearCrossEntropyTests
{
    // M tokens, C hidden, V vocabulary
    private const int Hidden = 32;

    /// <summary>Chunks that all say the same: after 256 of them a bfloat16 sum of theirs would not move any more.</summary>
    [Theory]
    [InlineData(false, ScalarType.BFloat16), InlineData(true, ScalarType.BFloat16)]
    [InlineData(false, ScalarType.Float16), InlineData(true, ScalarType.Float16)]
    public void Chunks_add_up_in_float32(bool byAutograd, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        const int tokens = 600, chunk = 2;
        using var generator = new Generator(3, CPU);
        Tensor one = randn([chunk, Hidden], generator: generator).to(dtype), targets = tensor([3L, 5L]).repeat(tokens / chunk);
        (Tensor Head, Tensor States) Gradients(ScalarType type)
        {
            using CausalLM model = InType(TinyModel.Create(initializerRange: 0.05), dtype, type);
            using IDisposable? plain = byAutograd ? KernelSet.Use(KernelSet.Reference) : null;
            Tensor all = one.to(type).repeat(tokens / chunk, 1);
            Tensor states = LinearCrossEntropy.Backward(model, all, targets, tokens, chunk, zeros([], ScalarType.Float64));
            return (model.HeadWeight.grad!.to(ScalarType.Float32), states.to(ScalarType.Float32));
        }
        (Tensor expected, Tensor expectedStates) = Gradients(ScalarType.Float32);
        (Tensor found, Tensor foundStates) = Gradients(dtype);
        Assert.InRange(Off(found, expected), 0, 0.01);
        Assert.InRange(Off(foundStates, expectedStates), 0, 0.01);
    }

    /// <summary>
    /// A sure model gives most words shares below float16's least number, 6e-8. Over many tokens they add up to gradients that float16
    /// can hold.
    /// </summary>
    [Theory]
    [InlineData(false), InlineData(true)]
    public void Small_shares_survive_float16(bool byAutograd)
    {
        using var scope = NewDisposeScope();
        const int tokens = 512;
        const double lossScale = 4;
        Tensor targets = full([tokens], 7, ScalarType.Int64);
        Tensor Gradient(ScalarType type)
        {
            using CausalLM model = InType(TinyModel.Create(initializerRange: 0.02), ScalarType.Float16, type);
            using IDisposable? plain = byAutograd ? KernelSet.Use(KernelSet.Reference) : null;
            using (no_grad())
            {
                model.HeadWeight[7].fill_(0.55); // e^-17.6 for each of the others
            }
            LinearCrossEntropy.Backward(model, ones([tokens, Hidden], type), targets, 1 / lossScale, tokens, zeros([], ScalarType.Float64));
            return model.HeadWeight.grad!.to(ScalarType.Float32);
        }
        Tensor expected = Gradient(ScalarType.Float32), found = Gradient(ScalarType.Float16), others = arange(TinyModel.Vocabulary).ne(7);
        Assert.InRange(expected[others].abs().max().ToDouble() / lossScale / tokens, 1e-9, 6e-8);
        Assert.InRange(Off(found[others], expected[others]), 0, 0.03); // scores near 18 have 6 bits behind the point in float16
    }

    /// <summary>A model whose weights are those of a narrow type, held in another.</summary>
    private static CausalLM InType(CausalLM model, ScalarType rounded, ScalarType held)
    {
        using IDisposable noGradient = no_grad();
        foreach (var parameter in model.parameters())
        {
            using Tensor data = parameter.to(rounded).to(held);
            ParameterData.Set(parameter, data);
        }
        return model;
    }

    private static double Off(Tensor found, Tensor expected) => ((found - expected).norm() / expected.norm()).ToDouble();
}
