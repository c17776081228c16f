using System.Text.RegularExpressions;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Storage.Gguf;
using Skipwise.Tokenizers;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>Writes a model with its tokenizer as a GGUF file, which llama.cpp and programs around it run.</summary>
internal static partial class GgufExport
{
    /// <summary>Told of architectures that are approximate.</summary>
    public const string GeluNote =
        "note: llama.cpp computes this family's GELU approximately: log-probabilities differ in the third digit";

    /// <summary>Writes the file.</summary>
    /// <param name="path">replaced only if Skipwise wrote it</param>
    /// <param name="name">the model's, for people</param>
    /// <param name="type">of matrices</param>
    /// <param name="tokenizer">null: the file has none, and llama.cpp takes ids alone</param>
    /// <param name="templates">of chats, see <see cref="ChatTemplates"/></param>
    /// <param name="note">receives warnings about the tokenizer</param>
    /// <param name="stop">leaves the file as it was</param>
    /// <returns>the tensors of the file</returns>
    /// <exception cref="SkipwiseException">llama.cpp cannot compute the model or apply its tokenizer, values leave the type's range, or the
    /// file cannot be written or replaced</exception>
    public static IReadOnlyList<GgufTensor> Write(PretrainedModel pretrained, string path, string name, GgufType type,
        TokenizerModel? tokenizer, IReadOnlyList<(string Name, string Text)> templates, IProgress<string>? note,
        CancellationToken stop = default)
    {
        DecoderConfig model = pretrained.Model.Config;
        GgufArchitecture architecture = GgufArchitecture.For(pretrained.Config.Family.ModelType, model);
        if (architecture.IsApproximate)
        {
            note?.Report(GeluNote);
        }
        var metadata = new GgufMetadata();
        metadata.Add("general.architecture", architecture.Name);
        metadata.Add("general.type", "model");
        metadata.Add("general.name", NameIn(name, tokenizer is not null && GgufTokenizer.StripsAsPhi3(tokenizer)));
        Describe(metadata, architecture, model);
        IReadOnlyList<GgufTensor> factors = GgufRope.Describe(metadata, architecture, model);
        if (tokenizer is null)
        {
            metadata.Add("tokenizer.ggml.model", "none");
        }
        else
        {
            GgufTokenizer.Describe(metadata, tokenizer, model.VocabSize, note);
            ChatTemplates.Describe(metadata, templates);
        }
        var writer = new GgufModelWriter(path, architecture, model, type, metadata) { Others = factors, Stop = stop };
        pretrained.WriteWeights(writer, architecture.StoredParameters(model));
        return writer.Written;
    }

    /// <summary>llama.cpp gives every special token of a model with "phi-3" or "phi3" in its name the white space behind it.</summary>
    private static string NameIn(string name, bool isPhi3) => !isPhi3 ? Phi3().Replace(name, "Phi 3")
        : Phi3().IsMatch(name) ? name : $"Phi-3 {name}";

    private static void Describe(GgufMetadata metadata, GgufArchitecture architecture, DecoderConfig model)
    {
        void Add(string key, object? value) => metadata.Add($"{architecture.Name}.{key}", value);
        bool isUsual = model.HeadDim * model.NumAttentionHeads == model.HiddenSize;
        Add("vocab_size", (uint)model.VocabSize);
        Add("context_length", (uint)model.MaxPositionEmbeddings);
        Add("embedding_length", (uint)model.HiddenSize);
        Add("block_count", (uint)model.NumHiddenLayers);
        Add("feed_forward_length", (uint)model.IntermediateSize);
        Add("attention.head_count", (uint)model.NumAttentionHeads);
        Add("attention.head_count_kv", (uint)model.NumKeyValueHeads);
        Add("attention.key_length", isUsual ? null : (uint)model.HeadDim);
        Add("attention.value_length", isUsual ? null : (uint)model.HeadDim);
        Add(model.Norm == NormKind.Layer ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", (float)model.NormEps);
        Add("use_parallel_residual", model.Norm == NormKind.Layer ? model.Residual == ResidualKind.Parallel : null);
    }

    [GeneratedRegex("phi-?3", RegexOptions.IgnoreCase)]
    private static partial Regex Phi3();
}
