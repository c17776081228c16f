using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Tokenizers;

namespace Skipwise.Tests;

public sealed partial class ReaderFuzzTests
{
    /// <summary>A whole model in one file: keys, tokenizer, list of tensors; damage is in these.</summary>
    private Reader OfGguf()
    {
        string path = _temp["model.gguf"];
        using (PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(model.Folder)))
        {
            TokenizerModel tokenizer = TokenizerLoader.Load(model.Folder).ToModel()!;
            GgufExport.Write(pretrained, path, "small", GgufType.F16, tokenizer, [("default", "x")], null);
        }
        using var file = GgufFile.Open(path);
        return new(path, () =>
        {
            PretrainedModel.Load(new ModelSource(path)).Dispose(); // with the files that it would be saved with
            Spell(path);
        })
        { IsBinary = true, End = (int)file.Tensors.Values.First().Offset, Share = 0.1 };
    }
}
