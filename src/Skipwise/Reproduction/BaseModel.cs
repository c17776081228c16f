using System.Globalization;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Evaluation.Passkey;
using Skipwise.Models;
using Skipwise.Recipes;
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

    /// <summary>Held-out documents have this many windows, as the demo's.</summary>
    public static int DocumentWindows { get; } = DemoDefaults.Options.LengthMultiples.Max();

    private readonly ReproductionScale _scale;
    private readonly Action? _make;
    private readonly Lazy<IReadOnlyList<NamedValue>> _identity;
    private readonly Lazy<TokenList> _heldOut;
    private readonly Dictionary<ulong, TokenList> _training = [];
    private readonly Dictionary<int, TokenList> _long = [];
    private readonly Dictionary<(int, double), IReadOnlyList<PasskeyPrompt>> _prompts = [];

    /// <param name="folder">of a model with its tokenizer</param>
    /// <param name="scale">numbers of documents and trials</param>
    public BaseModel(string folder, ReproductionScale scale)
    {
        (Folder, _scale) = (folder, scale);
        Config = HfConfig.ForModel(folder);
        Tokenizer = BoundedTokenizer.Create(TokenizerLoader.Load(folder), Config.Model.VocabSize);
        _identity = new(() => IdentityOf(new("base_model.weights", WeightChecksum.OfModel(folder))));
        _heldOut = new(() => Chronicles(scale.Documents, DocumentWindows));
    }

    /// <param name="folder">of a model that need not exist yet</param>
    /// <param name="scale">numbers of documents and trials</param>
    /// <param name="config">what the model's will be</param>
    /// <param name="tokenizer">what the model's will be</param>
    /// <param name="identity">what decides its weights</param>
    /// <param name="make">makes the model, unless it is there</param>
    public BaseModel(string folder, ReproductionScale scale, HfConfig config, ITokenizer tokenizer, NamedValue identity, Action make)
    {
        (Folder, _scale, Config, Tokenizer, _make) = (folder, scale, config, tokenizer, make);
        _identity = new(() => IdentityOf(identity));
        _heldOut = new(() => Chronicles(scale.Documents, DocumentWindows));
    }

    /// <summary>Makes the model, if it is one that is made here and is not there yet. Called before its weights are read.</summary>
    public void Make() => _make?.Invoke();

    public string Folder { get; }

    public HfConfig Config { get; }

    public ITokenizer Tokenizer { get; }

    /// <summary>Lc in tokens</summary>
    public int Window => Config.Model.MaxPositionEmbeddings;

    /// <summary>What decides the base's bytes and the ids of a text, independent of paths.</summary>
    public IReadOnlyList<NamedValue> Identity => _identity.Value;

    /// <summary>The documents of a seed's fine-tunes, those of the demo with that seed.</summary>
    public TokenList TrainingText(ulong seed) => Once(_training, seed, () =>
        SyntheticMix.Tokens(Mix(), SyntheticPart.Train, Demo.TextSeed(seed), Tokenizer));

    /// <summary>What decides the ids of <see cref="TrainingText"/>.</summary>
    public IEnumerable<NamedValue> TrainingTextValues(ulong seed) =>
    [
        new("corpus.version", TextVersion),
        NamedValue.Of("corpus.seed", Demo.TextSeed(seed)),
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
        NamedValue.Of("corpus.seed", Demo.HeldOutSeed),
        NamedValue.Of("corpus.documents", _scale.Documents),
        NamedValue.Of("corpus.document_tokens", DocumentWindows * Window),
    ];

    /// <summary>Number of <see cref="LongDocuments"/> of this many windows: long ones cost much, and an error needs two.</summary>
    public int LongDocumentsCount(int windows) => windows > DocumentWindows ? Math.Max(2, _scale.Documents / 2) : 2 * _scale.Documents;

    /// <summary>Held-out documents of this many windows, of which the first tokens are read.</summary>
    public TokenList LongDocuments(int windows) => Once(_long, windows, () => Chronicles(LongDocumentsCount(windows), windows));

    /// <summary>What decides the ids of <see cref="LongDocuments"/>.</summary>
    public IEnumerable<NamedValue> LongDocumentValues(int windows) =>
    [
        new("corpus.version", TextVersion),
        NamedValue.Of("corpus.seed", Demo.HeldOutSeed),
        NamedValue.Of("corpus.documents", LongDocumentsCount(windows)),
        NamedValue.Of("corpus.document_tokens", windows * Window),
    ];

    /// <summary>Settings of the passkey evaluation at a length.</summary>
    /// <param name="maxDepth">largest depth of a key, as a fraction of the filler</param>
    public PasskeyOptions Passkey(int length, double maxDepth) =>
        new() { Lengths = [length], Trials = _scale.Trials, Seed = Demo.HeldOutSeed, MaxDepth = maxDepth };

    /// <summary>Passkey prompts of a length.</summary>
    /// <inheritdoc cref="Passkey"/>
    public IReadOnlyList<PasskeyPrompt> Prompts(int length, double maxDepth) =>
        Once(_prompts, (length, maxDepth), () => PasskeyPrompt.All(Tokenizer, Passkey(length, maxDepth)));

    private static TValue Once<TKey, TValue>(Dictionary<TKey, TValue> made, TKey key, Func<TValue> make) where TKey : notnull =>
        made.TryGetValue(key, out TValue? known) ? known : made[key] = make();

    private NamedValue[] IdentityOf(NamedValue weights) =>
    [
        new("base_model.config", Config.TextHash),
        weights,
        new("tokenizer", TokenizerFingerprint.Compute(Tokenizer).ToString("x16", CultureInfo.InvariantCulture)),
    ];

    private SyntheticMixOptions Mix() => new()
    {
        Documents = _scale.TrainingDocuments,
        PasskeyFraction = DemoDefaults.Options.PasskeyFraction,
        Window = Window,
        LongestChronicle = DocumentWindows * Window,
    };

    private TokenList Chronicles(int documents, int windows) => new(
    [
        .. Enumerable.Range(0, documents).Select(index => Tokenizer.Encode(
            SyntheticCorpus.Document(SyntheticKind.Chronicle, SyntheticPart.HeldOut, Demo.HeldOutSeed, (ulong)index,
                TextLength.Tokens(windows * Window, Tokenizer)))),
    ]);
}
