using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Runtime;
using Skipwise.Tokenizers;

namespace Skipwise.Recipes;

/// <summary>
/// A model to be evaluated, once or several times. Its weights are loaded at first use, because errors in texts and settings are likelier
/// and found at once.
/// </summary>
/// <param name="compute">device and element type</param>
/// <param name="note">receives notes on the model when it is loaded</param>
/// <param name="ranks">those that evaluate it together; null: this process alone</param>
internal sealed class EvaluatedModel(ModelSource source, ComputeOptions compute, IProgress<string>? note = null, ICollective? ranks = null)
    : IDisposable
{
    private readonly Lazy<DecoderConfig> _config = new(() => PretrainedModel.Architecture(source));
    private readonly Lazy<ITokenizer> _tokenizer = new(() =>
        BoundedTokenizer.Create(TokenizerLoader.Load(source.Folder), PretrainedModel.Architecture(source).VocabSize));
    private PretrainedModel? _pretrained;
    private ulong? _fingerprint, _identity;
    private bool _isCompared;

    /// <summary>name in records</summary>
    public string Name => source.Adapter is null ? source.Folder : $"{source.Folder} + {source.Adapter}";

    /// <summary>configuration with the effective RoPE and window</summary>
    public DecoderConfig Config => _config.Value;

    /// <summary>config.json's model_type</summary>
    public string ModelType => HfConfig.ForModel(source.Folder).Family.ModelType;

    /// <summary>receives warnings and notes for the user</summary>
    public IProgress<string>? Note => note;

    public ITokenizer Tokenizer => _tokenizer.Value;

    /// <exception cref="SkipwiseException">the model cannot be read</exception>
    public CausalLM Model => (_pretrained ??= ModelLoader.Load(source, compute, note)).Model;

    public ulong Fingerprint => _fingerprint ??= ModelFingerprint.Compute(Model);

    /// <summary>
    /// Everything that stored responses and scores depend on besides their prompts: the model, the tokenizer's texts of ids, the tokens
    /// that texts begin and responses end with, and the build of the program.
    /// </summary>
    public ulong Identity => _identity ??= Hash(string.Join(' ',
        Fingerprint, TokenizerFingerprint.Compute(Tokenizer), Tokenizer.BosId, Tokenizer.AddsBos, Tokenizer.EosId,
        string.Join(',', Tokenizer.EndIds), Build));

    public ICollective Ranks => ranks ?? SingleProcess.Instance;

    /// <summary>An evaluation of the model on all ranks: all of them return, or all of them throw.</summary>
    /// <param name="evaluate">calls <see cref="Compared"/> once texts and settings are known to be right</param>
    public T Together<T>(Func<T> evaluate, CancellationToken cancel) => Ranks.Together(evaluate, cancel);

    /// <summary>The model, which is the same on all ranks.</summary>
    /// <exception cref="SkipwiseException">the model cannot be read, or a rank has another one</exception>
    public CausalLM Compared(CancellationToken cancel)
    {
        if (!_isCompared)
        {
            Ranks.RequireSame("model, tokenizer or program",
                () => Identity.ToString(System.Globalization.CultureInfo.InvariantCulture), cancel);
            _isCompared = true;
        }
        return Model;
    }

    private static Guid Build => typeof(EvaluatedModel).Module.ModuleVersionId;

    private static ulong Hash(string text) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    public void Dispose() => _pretrained?.Dispose();
}
