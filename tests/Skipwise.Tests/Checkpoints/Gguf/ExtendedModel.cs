using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Numerics;
using Skipwise.Rope;
using Skipwise.Tests.Checkpoints.HuggingFace;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>A small model of any family with any scaling, and its comparison with llama.cpp.</summary>
internal static class ExtendedModel
{
    public const int Original = 32, Target = 256;

    /// <summary>A model of 2 layers with random weights, extended from 32 to 256 tokens.</summary>
    public static PretrainedModel Create(string family, RopeType type, string keys = "", double? attentionFactor = null)
    {
        string window = family == "gptj" ? "n_positions" : "max_position_embeddings";
        HfConfig config = TinyConfig.Of(family, $"'{window}': {Original}{(keys == "" ? "" : ", ")}{keys}");
        DecoderConfig architecture = type switch
        {
            RopeType.Default => config.Model,
            RopeType.DynamicNtk => new RopeOverrides { Type = type, Factor = 8, OriginalLength = Original }.Apply(config.Model),
            _ => ContextExtension.Extend(config.Model, Target, new RopeOverrides { Type = type }),
        };
        if (attentionFactor is not null)
        {
            architecture = architecture with { Rope = architecture.Rope with { AttentionFactor = attentionFactor } };
        }
        var model = new CausalLM(architecture);
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        var rng = new KeyedRandom(5, stream: 11);
        foreach ((string name, Parameter parameter) in model.named_parameters())
        {
            double scale = parameter.dim() == 1 ? 0.2 : name.Contains("embed", StringComparison.Ordinal) ? 0.7
                : 2 / Math.Sqrt(parameter.shape[1]);
            double mean = name.EndsWith("norm.weight", StringComparison.Ordinal) && architecture.Norm != NormKind.RmsUnitOffset ? 1 : 0;
            float[] values = new float[parameter.numel()];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = (float)(mean + (scale * 2 * (rng.NextDouble() + rng.NextDouble() - 1)));
            }
            parameter.copy_(tensor(values).view(parameter.shape));
        }
        return PretrainedModel.Create(model, config, null);
    }

    /// <summary>Writes the model without a tokenizer.</summary>
    /// <returns>path of the file</returns>
    public static string Export(PretrainedModel pretrained, GgufType type, TempFolder folder)
    {
        string file = folder[$"{type.Name}.gguf"];
        GgufExport.Write(pretrained, file, "tiny", type, null, [], null);
        return file;
    }

    /// <summary>What a type keeps of a weight, in float32.</summary>
    public static Tensor Rounded(Tensor weight, GgufType type)
    {
        if (type.Stored.Blocks is not { } blocks)
        {
            return weight.to(type.Torch).to(ScalarType.Float32);
        }
        float[] values = weight.contiguous().data<float>().ToArray();
        byte[] bytes = new byte[values.Length / blocks.Elements * blocks.Bytes];
        blocks.Encode!(values, bytes);
        blocks.Decode!(bytes, values);
        return tensor(values).view(weight.shape);
    }

    /// <summary>By position: the largest difference of log-probabilities.</summary>
    public static double[] Differences(CausalLM model, LlamaCpp client, int[] ids)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor ours = model.Logits(tensor(ids.Select(id => (long)id).ToArray()).unsqueeze(0), arange(ids.Length).unsqueeze(0))[0]
            .log_softmax(-1);
        Tensor theirs = stack(client.LogProbabilities(ids).Select(row => tensor(row)));
        Assert.True(ours.min().ToDouble() < -6); // the logits say something
        return [.. (ours - theirs).abs().amax([1]).data<float>().Select(difference => (double)difference)];
    }
}
