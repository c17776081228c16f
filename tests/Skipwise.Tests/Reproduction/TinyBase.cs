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
    private const int Window = 128; // a passkey prompt fits

    private readonly TempFolder _folder = new();

    public TinyBase()
    {
        string vocabulary = Directory.CreateDirectory(PathOf("tokenizer")).FullName;
        TokenizerWriter.Write(LearnedVocabulary.Vocabulary, vocabulary, Window);
        ITokenizer tokenizer = TokenizerLoader.Load(vocabulary);
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
        using var pretrained = PretrainedModel.Create(model, vocabulary);
        pretrained.Save(Folder);
    }

    /// <summary>The model's folder.</summary>
    public string Folder => PathOf("base");

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
        HeadDivisors = [2],
        DemoSeeds = 3,
        PretrainingListSteps = 2,
        PretrainingSteps = 2,
        PretrainingDocuments = 64,
        BenchmarkLimit = 2,
    };

    /// <summary>A path in a folder that is gone after the tests of a class.</summary>
    public string PathOf(string name) => _folder[name];

    /// <summary>Copies the model into a new folder of that name.</summary>
    public string Copy(string name) => _folder.Copy(Folder, name);

    public void Dispose() => _folder.Dispose();
}
