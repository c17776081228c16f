using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Reproduction;
using Skipwise.Tests.Synthetic;
using Skipwise.Tokenizers;
using Skipwise.Tokenizers.Training;

namespace Skipwise.Tests.Reproduction;

/// <summary>A base model that knows nothing and costs nothing, for whole experiments in seconds.</summary>
public sealed class TinyBase : IDisposable
{
    /// <summary>its window: a passkey prompt fits</summary>
    public const int Window = 128;

    private readonly TempFolder _folder = new();

    public TinyBase()
    {
        Directory.CreateDirectory(Path("tokenizer"));
        TokenizerWriter.Write(LearnedVocabulary.Vocabulary, Path("tokenizer"), Window);
        ITokenizer tokenizer = TokenizerLoader.Load(Path("tokenizer"));
        var model = new CausalLM(new DecoderConfig
        {
            VocabSize = tokenizer.VocabularySize,
            HiddenSize = 8,
            IntermediateSize = 12,
            NumHiddenLayers = 1,
            NumAttentionHeads = 1,
            NumKeyValueHeads = 1,
            HeadDim = 8,
            MaxPositionEmbeddings = Window,
            TieWordEmbeddings = true,
            InitializerRange = 0.5,
            BosTokenId = tokenizer.BosId,
            EosTokenId = tokenizer.EosId,
        });
        WeightInit.Initialize(model, seed: 1);
        using var pretrained = PretrainedModel.Create(model, Path("tokenizer"));
        pretrained.Save(Folder);
    }

    public string Folder => Path("base");

    /// <summary>So small that numbers mean nothing; two seeds, so that every kind of error is there.</summary>
    internal static ReproductionScale Scale { get; } = new()
    {
        Name = "tiny",
        Seeds = 2,
        Steps = 2,
        BatchSize = 2,
        TrainingDocuments = 8,
        Documents = 2,
        Trials = 2,
        PasskeyMultiples = [1, 8, 16],
        ExtremeExtensions = [2, 4, 16],
        CostTargets = [256, 512],
        PretrainingListSteps = 2,
        PretrainingSteps = 2,
        PretrainingDocuments = 64,
    };

    public string Path(string name) => _folder[name];

    public void Dispose() => _folder.Dispose();
}
