using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models;

/// <summary>The families that no other program's numbers are at hand for, against a naive decoder that is told by hand what they
/// do.</summary>
public sealed class FamilyTests : IDisposable
{
    private const string Sizes = """
        "vocab_size": 40, "hidden_size": 24, "intermediate_size": 28, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 64, "rope_theta": 10000.0, "bos_token_id": 1, "eos_token_id": 2
        """;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Qwen3_normalises_queries_and_keys() =>
        Compare($$"""{"model_type": "qwen3", "head_dim": 8, "rms_norm_eps": 1e-05, "attention_bias": false, "tie_word_embeddings": true, "sliding_window": null, "use_sliding_window": false, {{Sizes}}}""",
            (naive, _) => naive with { HeadDim = 8, Eps = 1e-5, QueryKeyNorm = true, Head = "model.embed_tokens.weight" });

    [Fact]
    public void Qwen2_slides_from_a_layer_on() =>
        Compare($$"""{"model_type": "qwen2", "sliding_window": 5, "use_sliding_window": true, "max_window_layers": 1, {{Sizes}}}""",
            (naive, _) => naive with { HeadDim = 6, HasBias = true, WindowOf = layer => layer >= 1 ? 5 : null });

    [Fact]
    public void Gemma_norms_around_one_and_scales_its_embedding() =>
        Compare($$"""{"model_type": "gemma", "head_dim": 10, "hidden_act": "gelu", "hidden_activation": null, {{Sizes}}}""",
            (naive, _) => naive with
            {
                HeadDim = 10,
                NormOffset = 1,
                EmbeddingScale = Math.Sqrt(24),
                Activation = x => 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)).tanh()),
                Head = "model.embed_tokens.weight",
            });

    /// <summary>Llama rounds before its weight is multiplied, Gemma after; and Gemma's scale is a number of the weights' type.</summary>
    [Fact]
    public void Half_precision_rounds_where_each_family_does()
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor x = (rand(50, 24) * 4).to(ScalarType.BFloat16), weight = (rand(24) - 0.5f).to(ScalarType.BFloat16);
        Tensor normed = x.@float() / (x.@float().square().mean([1L], keepdim: true) + 1e-6f).sqrt();
        foreach ((int around, Tensor expected) in new[] { (0, normed.bfloat16() * weight),
            (1, (normed * (1 + weight.@float())).bfloat16()) })
        {
            using var norm = new RmsNorm(24, 1e-6, ScalarType.BFloat16, CPU, around);
            norm.weight.copy_(weight);
            // a reciprocal root and a division may differ in the last bit of float32
            Assert.InRange((norm.forward(x) != expected).@float().mean().ToDouble(), 0, 0.01);
        }
        using var embedding =
            new TokenEmbedding(HfConfig.Parse($$"""{"model_type": "gemma", "head_dim": 10, {{Sizes}}}""", "config.json").Model,
                ScalarType.BFloat16, CPU);
        embedding.weight.fill_(1);
        // sqrt(24) = 4.89898
        Assert.Equal(4.90625, embedding.Forward(zeros(1, 1, ScalarType.Int64), ScalarType.BFloat16)[0, 0, 0].ToDouble());
    }

    [Fact]
    public void Phi3_joins_its_projections_and_rotates_a_part() =>
        Compare($$"""{"model_type": "phi3", "head_dim": 8, "partial_rotary_factor": 0.75, "sliding_window": 7, "rope_scaling": null, "original_max_position_embeddings": 64, {{Sizes}}}""",
            (naive, stored) => naive with
            {
                HeadDim = 8,
                RotaryDim = 6,
                Eps = 1e-5,
                WindowOf = _ => 7,
                Weight = name => name switch
                {
                    _ when name.Contains("q_proj") => stored(name.Replace("q_proj", "qkv_proj")).narrow(0, 0, 32),
                    _ when name.Contains("k_proj") => stored(name.Replace("k_proj", "qkv_proj")).narrow(0, 32, 16),
                    _ when name.Contains("v_proj") => stored(name.Replace("v_proj", "qkv_proj")).narrow(0, 48, 16),
                    _ when name.Contains("gate_proj") => stored(name.Replace("gate_proj", "gate_up_proj")).narrow(0, 0, 28),
                    _ when name.Contains("up_proj") => stored(name.Replace("up_proj", "gate_up_proj")).narrow(0, 28, 28),
                    _ => stored(name),
                },
            });

    /// <summary>Random weights in the family's own files, read by both.</summary>
    private void Compare(string json, Func<NaiveDecoder, Func<string, Tensor>, NaiveDecoder> family)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        HfConfig config = HfConfig.Parse(json, "config.json");
        Assert.Empty(config.Warnings);
        var rng = new KeyedRandom(3, 1, 4);
        var stored = new Dictionary<string, Tensor>();
        foreach (StoredParameter parameter in config.Family.StoredParameters(config.Model))
        {
            stored[parameter.Name] = RandomTensor(ref rng, parameter);
        }
        Directory.CreateDirectory(_folder["model"]);
        File.WriteAllText(Path.Combine(_folder["model"], HfConfig.FileName), json);
        SafetensorsWriter.Write(Path.Combine(_folder["model"], WeightFiles.SingleName),
            stored.Select(t => (t.Key, t.Value, ScalarType.Float32)));

        int[] ids = TinyModel.Tokens(seed: 8, count: 14, vocabulary: 40);
        long[] positions = [0, 1, 2, 3, 4, 20, 21, 22, 23, 24, 50, 51, 52, 53];
        var naive = family(new NaiveDecoder { Weight = name => stored[name], Layers = 3, Heads = 4, KeyValueHeads = 2, HeadDim = 0 },
            name => stored[name]);
        Tensor expected = naive.Logits(ids, positions);
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(_folder["model"]));
        Tensor inputIds = tensor(ids.Select(id => (long)id).ToArray()).unsqueeze(0), positionIds = tensor(positions).unsqueeze(0);
        Assert.InRange(ParityCase.LargestDifference(pretrained.Model.Logits(inputIds, positionIds).squeeze(0), expected), 0, 2e-5);

        using var cache = new KvCache(config.Model, 1, ids.Length, ScalarType.Float32, CPU);
        var parts = new List<Tensor>();
        foreach ((int start, int length) in ((int, int)[])[(0, 9), (9, 1), (10, 4)])
        {
            using Rotary rotary = pretrained.Model.RotaryFor(positionIds.narrow(1, start, length), ids.Length);
            parts.Add(pretrained.Model.Logits(pretrained.Model.HiddenStates(inputIds.narrow(1, start, length), rotary, cache)));
        }
        Assert.InRange(ParityCase.LargestDifference(cat([.. parts], 1).squeeze(0), expected), 0, 2e-5);

        pretrained.Save(_folder["saved"]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder["model"], WeightFiles.SingleName)),
            File.ReadAllBytes(Path.Combine(_folder["saved"], WeightFiles.SingleName)));
    }

    private static Tensor RandomTensor(ref KeyedRandom rng, StoredParameter parameter)
    {
        var values = new float[parameter.Shape.Aggregate(1L, (product, size) => product * size)];
        double scale = parameter.Shape.Count == 1 ? 0.3 : parameter.Name.Contains("embed") ? 0.5 : 2 / Math.Sqrt(parameter.Shape[1]);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(scale * (rng.NextDouble() + rng.NextDouble() - 1) * 2);
        }
        return tensor(values).view([.. parameter.Shape]);
    }
}
