using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Synthetic;
using Skipwise.Tests.Synthetic;
using Skipwise.Tokenizers;
using Skipwise.Tokenizers.Training;

namespace Skipwise.Tests.Cli;

/// <summary>A complete model folder with random weights and a learned tokenizer, and text for it. Made once for a class of tests.</summary>
public sealed class SmallModel : IDisposable
{
    /// <summary>its window, in tokens</summary>
    public const int Window = 64;

    private readonly TempFolder _folder = new();

    public SmallModel()
    {
        Folder = Path("model");
        Directory.CreateDirectory(Path("tokenizer"));
        TokenizerWriter.Write(LearnedVocabulary.Vocabulary, Path("tokenizer"), Window);
        ITokenizer tokenizer = TokenizerLoader.Load(Path("tokenizer"));
        var model = new CausalLM(new DecoderConfig
        {
            VocabSize = tokenizer.VocabularySize,
            HiddenSize = 16,
            IntermediateSize = 24,
            NumHiddenLayers = 1,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            HeadDim = 8,
            MaxPositionEmbeddings = Window,
            TieWordEmbeddings = true,
            InitializerRange = 0.5,
            BosTokenId = tokenizer.BosId,
            EosTokenId = tokenizer.EosId,
        });
        WeightInit.Initialize(model, seed: 1);
        using (PretrainedModel pretrained = PretrainedModel.Create(model, Path("tokenizer")))
        {
            pretrained.Save(Folder);
        }
        Text = Path("text.jsonl");
        File.WriteAllLines(Text,
            Enumerable.Range(0, 6)
            .Select(i =>
                $$"""{"text": "{{SyntheticCorpus.Document(SyntheticKind.Chronicle, SyntheticPart.Train, 1, (ulong)i, TextLength.Tokens(300, tokenizer)).ReplaceLineEndings("\\n").Replace("\"", "\\\"", StringComparison.Ordinal)}}"}"""));
    }

    public string Folder { get; }

    /// <summary>six documents of about 300 tokens</summary>
    public string Text { get; }

    public string Path(string name) => _folder[name];

    /// <summary>A copy of the model folder.</summary>
    public string Copy(string name) => _folder.Copy(Folder, name);

    /// <summary>A copy of the model folder with one file changed.</summary>
    public string With(string copy, string file, Func<byte[], byte[]> change)
    {
        string folder = Copy(copy);
        string path = System.IO.Path.Combine(folder, file);
        File.WriteAllBytes(path, change(File.ReadAllBytes(path)));
        return folder;
    }

    public void Dispose() => _folder.Dispose();
}
