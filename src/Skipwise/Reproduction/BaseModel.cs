using System.Collections.Concurrent;
using System.Globalization;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Evaluation.Passkey;
using Skipwise.Models;
using Skipwise.Synthetic;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;

namespace Skipwise.Reproduction;

/// <summary>A base model with the texts that are made for its tokenizer and window.</summary>
internal sealed class BaseModel
{
    /// <summary>Version of the generated text: it rises when <see cref="SyntheticCorpus"/> or <see cref="PasskeyPrompt"/> writes another
    /// text, so that models trained on the earlier text are not taken for those of the new one.</summary>
    public const string TextVersion = "1";

    /// <summary>Held-out documents have this many windows.</summary>
    public const int DocumentWindows = 16;

    private const ulong HeldOutSeed = 1; // the demo's: the same documents and prompts for every model and seed
    private const double PasskeyFraction = 0.4; // the demo's

    private readonly ReproductionScale _scale;
    private readonly Lazy<IReadOnlyList<NamedValue>> _identity;
    private readonly Lazy<TokenList> _heldOut;
    private readonly ConcurrentDictionary<ulong, TokenList> _training = [];
    private readonly ConcurrentDictionary<int, IReadOnlyList<PasskeyPrompt>> _prompts = [];

    /// <param name="folder">of a model with its tokenizer</param>
    /// <param name="scale">numbers of documents and trials</param>
    public BaseModel(string folder, ReproductionScale scale)
    {
        (Folder, _scale) = (folder, scale);
        Config = HfConfig.ForModel(folder);
        Tokenizer = BoundedTokenizer.Create(TokenizerLoader.Load(folder), Config.Model.VocabSize);
        _identity = new(() =>
        [
            new("base_model.config", Config.TextHash),
            new("base_model.weights", WeightChecksum.OfModel(folder)),
            new("tokenizer", TokenizerFingerprint.Compute(Tokenizer).ToString("x16", CultureInfo.InvariantCulture)),
        ]);
        _heldOut = new(WriteHeldOut);
    }

    public string Folder { get; }

    public HfConfig Config { get; }

    public ITokenizer Tokenizer { get; }

    /// <summary>Lc in tokens</summary>
    public int Window => Config.Model.MaxPositionEmbeddings;

    /// <summary>What decides the base's bytes and the ids of a text, independent of paths.</summary>
    public IReadOnlyList<NamedValue> Identity => _identity.Value;

    /// <summary>The documents of a seed's fine-tunes: the base was pretrained on the corpus of seed 1, and seed s reads that of
    /// s + 1000, as the demo does.</summary>
    public TokenList TrainingText(ulong seed) => _training.GetOrAdd(seed, _ =>
        SyntheticMix.Tokens(Mix(), SyntheticPart.Train, TextSeed(seed), Tokenizer));

    /// <summary>What decides the ids of <see cref="TrainingText"/>.</summary>
    public IEnumerable<NamedValue> TrainingTextValues(ulong seed) =>
    [
        new("corpus.version", TextVersion),
        NamedValue.Of("corpus.seed", TextSeed(seed)),
        NamedValue.Of("corpus.documents", Mix().Documents),
        NamedValue.Of("corpus.passkey_fraction", Mix().PasskeyFraction),
        NamedValue.Of("corpus.longest_chronicle", Mix().LongestChronicle),
    ];

    /// <summary>Held-out documents for perplexity.</summary>
    public TokenList HeldOut => _heldOut.Value;

    /// <summary>What decides the ids of <see cref="HeldOut"/>.</summary>
    public IEnumerable<NamedValue> HeldOutValues =>
    [
        new("corpus.version", TextVersion),
        NamedValue.Of("corpus.seed", HeldOutSeed),
        NamedValue.Of("corpus.documents", _scale.Documents),
        NamedValue.Of("corpus.document_tokens", DocumentWindows * Window),
    ];

    /// <summary>Settings of the passkey evaluation at a length.</summary>
    public PasskeyOptions Passkey(int length) => new() { Lengths = [length], Trials = _scale.Trials, Seed = HeldOutSeed };

    /// <summary>Passkey prompts of a length.</summary>
    public IReadOnlyList<PasskeyPrompt> Prompts(int length) =>
        _prompts.GetOrAdd(length, _ => PasskeyPrompt.All(Tokenizer, Passkey(length)));

    private static ulong TextSeed(ulong seed) => seed + 1000;

    private SyntheticMixOptions Mix() => new()
    {
        Documents = _scale.TrainingDocuments,
        PasskeyFraction = PasskeyFraction,
        Window = Window,
        LongestChronicle = DocumentWindows * Window,
    };

    private TokenList WriteHeldOut() => new(
    [
        .. Enumerable.Range(0, _scale.Documents).Select(index => Tokenizer.Encode(
            SyntheticCorpus.Document(SyntheticKind.Chronicle, SyntheticPart.HeldOut, HeldOutSeed, (ulong)index,
                TextLength.Tokens(DocumentWindows * Window, Tokenizer)))),
    ]);
}
