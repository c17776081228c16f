using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Inference;

/// <summary>Rows of 8-bit blocks on raw memory, against libtorch's operations and the definition.</summary>
public class QuantizedRowsTests
{
    [Fact]
    public void Both_ways_write_and_read_the_same_bits()
    {
        using CausalLM model = TinyModel.Create(change: config => config with { HeadDim = 96, NumKeyValueHeads = 2 });
        KvPageLayout layout = new(model.Config, ScalarType.Int8);
        using KvPage page = new(layout, CPU), reference = new(layout, CPU);
        using var scope = NewDisposeScope();
        Tensor rows = Rows(heads: 2, tokens: 40, dim: 96);
        page.Memory.zero_();
        reference.Memory.zero_();
        page.Write(1, 1, 200, rows);
        using (Tensor view = reference.View(1, 1, 200, 40))
        {
            QuantizedRows.WriteReference(rows, view);
        }
        Assert.Equal(0, page.Memory.ne(reference.Memory).sum().item<long>());
        Assert.True(page.Memory.ne(0).sum().item<long>() > 6000);

        Tensor read = full([2, 256, 96], 7f), expected = full([2, 256, 96], 9f);
        page.Read(1, 1, read.narrow(1, 0, 240));
        QuantizedRows.ReadReference(page.View(1, 1, 0, 240), expected.narrow(1, 0, 240));
        Assert.Equal(0, ParityCase.LargestDifference(expected.narrow(1, 0, 240), read.narrow(1, 0, 240)));
        Assert.True(read.narrow(1, 240, 16).eq(7).all().item<bool>());
        // half a step of 1/127 of each block's largest magnitude, and the rounding of the scale to float16
        Tensor blocks = rows.view(2, 40, 3, 32), error = (read.narrow(1, 200, 40).reshape(2, 40, 3, 32) - blocks).abs();
        Assert.True((error <= (blocks.abs().amax([-1L], keepdim: true) * (0.5 / 127 + 1e-3)) + 1e-5).all().item<bool>());
    }

    /// <summary>A block with such a number is NaN as a whole, by both ways; the others are what they were.</summary>
    [Theory]
    [InlineData(float.NaN), InlineData(float.PositiveInfinity), InlineData(float.NegativeInfinity), InlineData(1e9f), InlineData(-3e38f)]
    public void A_number_without_a_scale_is_not_read_as_another(float number)
    {
        using CausalLM model = TinyModel.Create(change: config => config with { HeadDim = 96, NumKeyValueHeads = 2 });
        KvPageLayout layout = new(model.Config, ScalarType.Int8);
        using KvPage page = new(layout, CPU), reference = new(layout, CPU);
        using var scope = NewDisposeScope();
        Tensor rows = Rows(heads: 2, tokens: 4, dim: 96), isOut = zeros_like(rows, ScalarType.Bool);
        rows[1, 2, 40] = number;
        isOut[1, 2].narrow(0, 32, 32).fill_(true);
        foreach (KvPage one in (KvPage[])[page, reference])
        {
            one.Memory.zero_();
        }
        page.Write(0, 0, 0, rows);
        using Tensor view = reference.View(0, 0, 0, 4);
        QuantizedRows.WriteReference(rows, view);
        Assert.Equal(0, page.Memory.ne(reference.Memory).sum().item<long>());

        Tensor read = empty([2, 4, 96]), expected = empty([2, 4, 96]);
        page.Read(0, 0, read);
        QuantizedRows.ReadReference(view, expected);
        Assert.True(read.isnan().eq(isOut).all().item<bool>());
        Assert.True(expected.isnan().eq(isOut).all().item<bool>());
        Assert.Equal(0, ParityCase.LargestDifference(expected.nan_to_num(0), read.nan_to_num(0)));
    }

    /// <summary>Normal numbers of very different sizes; blocks of zeros and of numbers that float16 barely holds.</summary>
    private static Tensor Rows(int heads, int tokens, int dim)
    {
        var rng = new KeyedRandom(5, stream: 3);
        float[] numbers = new float[heads * tokens * dim];
        for (int i = 0; i < numbers.Length; i++)
        {
            int block = i / 32;
            double scale = block % 7 == 0 ? 0 : block % 7 == 1 ? 1e-5 : Math.Pow(10, (block % 5) - 2);
            numbers[i] = (float)((rng.NextDouble() - 0.5) * scale);
        }
        return tensor(numbers).view(heads, tokens, dim);
    }
}
