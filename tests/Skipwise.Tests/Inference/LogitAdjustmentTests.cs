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

    /// <summary>mu - count * frequency - (count > 0) * presence, of generated tokens alone (OpenAI's API reference).</summary>
    [Fact]
    public void Frequency_and_presence_penalties_count_generated_tokens() => Assert.Equal(
        [4, 1 - 0.5f - 0.25f, 2 - 1 - 0.25f, 3],
        Adjusted([4, 1, 2, 3], [0, 0, 3, 2, 1, 2], new() { FrequencyPenalty = 0.5, PresencePenalty = 0.25 }, prompt: 3));

    [Fact]
    public void Nothing_is_adjusted_by_default()
    {
        Assert.True(LogitAdjustment.IsNone(new()));
        Assert.Equal([4, 1, 2], Adjusted([4, 1, 2], [0, 1], new()));
    }

    private static float[] Adjusted(float[] logits, int[] text, GenerationOptions options, int prompt = 0)
    {
        using Tensor tensor = torch.tensor(logits);
        var adjustment = new LogitAdjustment(options, text[..prompt]);
        Array.ForEach(text[prompt..], adjustment.Count);
        adjustment.Apply(tensor);
        return tensor.data<float>().ToArray();
    }
}
