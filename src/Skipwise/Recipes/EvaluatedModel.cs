using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Runtime;
using Skipwise.Tokenizers;

namespace Skipwise.Recipes;

/// <summary>
/// A model that is measured, once or several times in a row. Its weights are loaded when they are first asked for: texts and settings are
/// looked at before, since their errors are the likelier ones and take no time to find.
/// </summary>
/// <param name="compute">where and in which type</param>
/// <param name="note">told what to know of the model as it is loaded</param>
internal sealed class EvaluatedModel(ModelSource source, ComputeOptions compute, IProgress<string>? note = null) : IDisposable
{
    private readonly Lazy<DecoderConfig> _config = new(() => PretrainedModel.Architecture(source));
    private readonly Lazy<ITokenizer> _tokenizer = new(() =>
        BoundedTokenizer.Create(TokenizerLoader.Load(source.Folder), PretrainedModel.Architecture(source).VocabSize));
    private PretrainedModel? _pretrained;
    private ulong? _fingerprint, _identity;

    /// <summary>what records call it</summary>
    public string Name => source.Adapter is null ? source.Folder : $"{source.Folder} + {source.Adapter}";

    /// <summary>with the rope and window that hold</summary>
    public DecoderConfig Config => _config.Value;

    /// <summary>config.json's model_type</summary>
    public string ModelType => HfConfig.ForModel(source.Folder).Family.ModelType;

    /// <summary>where lines go that a person should read first</summary>
    public IProgress<string>? Note => note;

    public ITokenizer Tokenizer => _tokenizer.Value;

    /// <exception cref="SkipwiseException">the model cannot be read</exception>
    public CausalLM Model => (_pretrained ??= ModelLoader.Load(source, compute, note)).Model;

    public ulong Fingerprint => _fingerprint ??= ModelFingerprint.Compute(Model);

    /// <summary>
    /// What stored answers and scores depend on besides their prompts: the model, the words that its tokenizer makes of ids, the tokens
    /// that texts begin and answers end with, and the build of the program.
    /// </summary>
    public ulong Identity => _identity ??= Hash(string.Join(' ',
        Fingerprint, TokenizerFingerprint.Compute(Tokenizer), Tokenizer.BosId, Tokenizer.AddsBos, Tokenizer.EosId,
        string.Join(',', Tokenizer.EndIds), Build));

    private static Guid Build => typeof(EvaluatedModel).Module.ModuleVersionId;

    private static ulong Hash(string text) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    public void Dispose() => _pretrained?.Dispose();
}
