using System.Text.Json;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Estimation;
using Skipwise.Inference;
using Skipwise.Models.Lora;
using Skipwise.Recipes;
using Skipwise.Runtime;
using Skipwise.Serving;
using Skipwise.Tests.Cli;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Estimation;

/// <summary>What is counted, against the memory of a loaded model and its engine.</summary>
public sealed class ServingEstimatorTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const string Qwen = """
        {
          "model_type": "qwen2", "vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
          "num_attention_heads": 28, "num_key_value_heads": 4, "max_position_embeddings": 131072, "rms_norm_eps": 1e-6,
          "hidden_act": "silu", "rope_theta": 1000000.0, "tie_word_embeddings": false, "torch_dtype": "bfloat16"
        }
        """;

    private static readonly string s_shipped = Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny");

    [Theory]
    [InlineData(null), InlineData(8), InlineData(4)]
    public void Weights_are_those_of_the_loaded_model(int? bits)
    {
        ServingEstimate estimate = Of(s_shipped);
        using PretrainedModel loaded = PretrainedModel.Load(new ModelSource(s_shipped, QuantizationBits: bits, InferenceOnly: true));
        long bytes = loaded.Model.parameters().Sum(parameter => parameter.numel() * parameter.element_size())
            + LoraInjector.QuantizedBytes(loaded.Model);
        Assert.Equal(bytes, estimate.Weights.Single(weights => weights.QuantizationBits == bits).Bytes);
    }

    /// <summary>A model whose files have 16 bits keeps its matrices so, on a CPU.</summary>
    [Fact]
    public void Weights_of_16_bits_stay_so()
    {
        string folder = Directory.CreateDirectory(model.Path("half")).FullName;
        File.WriteAllText(Path.Combine(folder, "config.json"), File.ReadAllText(Path.Combine(s_shipped, "config.json"))
            .Replace("\"torch_dtype\": \"float32\"", "\"torch_dtype\": \"bfloat16\"", StringComparison.Ordinal));
        using (var scope = NewDisposeScope())
        using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(s_shipped, "model.safetensors")))
        {
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"),
                file.Tensors.Values.Select(entry => (entry.Name, file.Read(entry), ScalarType.BFloat16)));
        }
        ServingEstimate estimate = Of(folder);
        using PretrainedModel loaded = PretrainedModel.Load(new ModelSource(folder, InferenceOnly: true));
        Assert.Equal(loaded.Model.parameters().Sum(parameter => parameter.numel() * parameter.element_size()), estimate.Weights[0].Bytes);
        Assert.Contains(loaded.Model.parameters(), parameter => parameter.dtype == ScalarType.BFloat16);
        Assert.Contains(loaded.Model.parameters(), parameter => parameter.dtype == ScalarType.Float32);
    }

    [Theory]
    [InlineData(KvCacheType.Float32), InlineData(KvCacheType.Bfloat16), InlineData(KvCacheType.Float16), InlineData(KvCacheType.Int8)]
    public async Task The_cache_is_that_of_the_engine(KvCacheType type)
    {
        const int tokens = 600;
        ServingEstimate estimate = Of(s_shipped, tokens);
        using TextModel loaded = LoadTextModel.Run(new() { Model = s_shipped, Engine = new() { CacheType = type } });
        await loaded.Generate(new() { Prompt = TinyModel.Tokens(1, tokens - 3, 1024), Options = new() { MaxNewTokens = 3 } }).ReadAsync();
        ServingCache cache = estimate.Caches.Single(cache => cache.Type == type);
        Assert.Equal(loaded.Engine.Statistics.CacheBytes, cache.BytesPerText);
        Assert.Equal(cache.BytesPerText, 3 * 256 * cache.BytesPerToken);
    }

    /// <summary>By hand: 28 layers of 4 key/value heads of 128 take 2 x 28 x 4 x 128 numbers a token; the config is all that is
    /// read.</summary>
    [Fact]
    public async Task Texts_are_what_fits_beside_the_weights()
    {
        string folder = Directory.CreateDirectory(model.Path("qwen")).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "config.json"), Qwen);
        ServingEstimate estimate = ServingEstimator.Run(new()
        {
            Model = folder,
            Memory = 64L << 30,
            Compute = new() { Device = "cpu", Dtype = Precision.Bfloat16 },
        });
        const long numbers = 2 * 28 * 4 * 128, window = 131072, layer = (3584L * 3584 * 2) + (3584L * 512 * 2) + (3 * 3584L * 18944);
        Assert.Equal(window, estimate.ContextLength);
        Assert.Equal([4 * numbers, 2 * numbers, 2 * numbers, numbers / 32 * 34], estimate.Caches.Select(cache => cache.BytesPerToken));
        Assert.Equal([4 * numbers * window, 2 * numbers * window], estimate.Caches.Take(2).Select(cache => cache.BytesPerText));
        const long small = (28 * ((2L * 3584) + 3584 + 512 + 512)) + 3584, ends = 2 * 152064L * 3584;
        Assert.Equal(2 * ((28 * layer) + small + ends), estimate.Weights[0].Bytes);
        Assert.Equal((28 * layer * 68 / 64) + (2 * (small + ends)), estimate.Weights[1].Bytes);
        foreach (ServingWeights weights in estimate.Weights)
        {
            double left = (0.9 * (64L << 30)) - estimate.Process - estimate.Working - weights.Bytes;
            Assert.Equal(estimate.Caches.Select(cache => (long)(left / cache.BytesPerText)), weights.Texts);
        }
        Assert.InRange(estimate.Process, 50 << 20, 1L << 34);
        Assert.Equal(2 * 4 * 128 * 2 * window * 5 / 4, estimate.Working);
        Assert.True(estimate.Weights[2].Texts[3] > estimate.Weights[0].Texts[0]);

        CliRun run = (await CliRun.Of("estimate", "serve", "-m", folder, "--memory", "64", "--context-length", "1024", "--device", "cpu"))
            .Succeeded();
        Assert.Contains("texts of 1024 tokens at the same time", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"\ncache of a token +112\.0 KiB +56\.0 KiB +56\.0 KiB +29\.8 KiB *\n", run.Output);
        Assert.Matches(@"\ntexts, --quantize 8 +\d+\.\d\d GiB( +\d+){4} *\n", run.Output);
        CliRun json = (await CliRun.Of("estimate", "serve", "-m", folder, "--memory", "8", "--device", "cpu", "--json")).Succeeded();
        JsonElement texts = JsonDocument.Parse(json.Output).RootElement.GetProperty("weights")[0].GetProperty("texts");
        Assert.Equal([0, 0, 0, 0], texts.EnumerateArray().Select(count => count.GetInt32())); // the weights alone do not fit
        PublishedSchema.Validate("estimate-serve", json.Output);
    }

    private static ServingEstimate Of(string folder, int? length = null) =>
        ServingEstimator.Run(new() { Model = folder, ContextLength = length, Compute = new() { Device = "cpu" } });
}
