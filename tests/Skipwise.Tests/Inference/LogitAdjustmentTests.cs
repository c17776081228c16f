using Skipwise.Inference;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Inference;

public sealed class LogitAdjustmentTests
{
    /// <summary>Positive logits of tokens in the text are divided, negative ones multiplied, each once (Keskar et al.
    /// 2019, section 4.1).</summary>
    [Fact]
    public void The_repetition_penalty_makes_tokens_of_the_text_less_probable() =>
        Assert.Equal([2, -3, 0, 1, -1], Adjusted([4, -1.5f, 0, 1, -1], [0, 1, 0, 2, 1], new() { RepetitionPenalty = 2 }));

    [Fact]
    public void A_bias_is_added_after_the_penalty() => Assert.Equal(
        [0, 1, float.NegativeInfinity],
        Adjusted([4, 1, 2], [0], new()
        {
            RepetitionPenalty = 2,
            LogitBias = new Dictionary<int, double> { [0] = -2, [2] = double.NegativeInfinity },
        }));

    [Fact]
    public void Nothing_is_adjusted_by_default()
    {
        Assert.True(LogitAdjustment.IsNone(new()));
        Assert.Equal([4, 1, 2], Adjusted([4, 1, 2], [0, 1], new()));
    }

    private static float[] Adjusted(float[] logits, int[] text, GenerationOptions options)
    {
        using Tensor tensor = torch.tensor(logits);
        LogitAdjustment.Apply(tensor, text, options);
        return tensor.data<float>().ToArray();
    }
}
