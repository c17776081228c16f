using System.Text.Json;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

/// <summary>
/// Small models that were really trained, against an independent forward pass. SKIPWISE_TEST_DATA names a folder with models/golden.json (a
/// list of model, text, token_ids, mean_nll, last_top5_ids, last_top5_logits) and the models beside it.
/// </summary>
public sealed class TrainedModelTests
{
    [Theory]
    [InlineData("stories260K", "stories260K", "stories260K"), InlineData("stories260K", "stories260K/stories260K.bin", "stories260K"),
        InlineData("stories260K", "stories260K-hf", null)]
    [InlineData("llama2xs-512", "llama2xs-512", "stories260K"), InlineData("tinystories-656k", "tinystories-656k", "tinystories-656k")]
    public void They_compute_the_golden_numbers(string name, string folder, string? tokenizerFolder)
    {
        string? data = Environment.GetEnvironmentVariable("SKIPWISE_TEST_DATA");
        Assert.SkipWhen(string.IsNullOrEmpty(data), "SKIPWISE_TEST_DATA is not set: real models are not part of the project");
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Path.Combine(data, "models", folder)));
        ITokenizer? tokenizer = tokenizerFolder is null ? null : TokenizerLoader.Load(Path.Combine(data, "models", tokenizerFolder));
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(data, "models", "golden.json")));
        JsonElement[] cases = [.. golden.RootElement.EnumerateArray().Where(c => c.GetProperty("model").GetString() == name)];
        Assert.NotEmpty(cases);
        foreach (JsonElement story in cases)
        {
            long[] ids = [.. story.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt64())];
            if (tokenizer is not null)
            {
                Assert.Equal(ids[1..], tokenizer.Encode(story.GetProperty("text").GetString()!)[..(ids.Length - 1)].Select(id => (long)id));
                Assert.Equal((int)ids[0], tokenizer.BosId);
            }
            Tensor input = tensor(ids).unsqueeze(0), logits = pretrained.Model.Logits(input, arange(ids.Length).unsqueeze(0)); // [1, T, V]
            Tensor nll = nn.functional.cross_entropy(logits[0].narrow(0, 0, ids.Length - 1), tensor(ids[1..]));
            Assert.Equal(story.GetProperty("mean_nll").GetDouble(), nll.ToDouble(), 1e-4);
            (Tensor values, Tensor indexes) = logits[0, ids.Length - 1].topk(5);
            Assert.Equal(story.GetProperty("last_top5_ids").EnumerateArray().Select(id => id.GetInt64()), indexes.data<long>().ToArray());
            Assert.All(story.GetProperty("last_top5_logits").EnumerateArray().Zip(values.data<float>().ToArray()),
                pair => Assert.Equal(pair.First.GetDouble(), pair.Second, 1e-4));
        }
    }
}
