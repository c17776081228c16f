using Skipwise.Checkpoints.HuggingFace;

namespace Skipwise.Tests.Checkpoints;

/// <summary>Links among the files that go with a model: those of Hugging Face's cache are followed, those to elsewhere are not.</summary>
public sealed class CompanionFilesTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Links_of_the_cache_and_within_the_folder_are_followed()
    {
        string[] names = ["chat_template.jinja", "tokenizer.json"];
        string snapshot = _temp["models--x/snapshots/1f2e"];
        Directory.CreateDirectory(snapshot);
        foreach (string name in names)
        {
            _temp.Write($"models--x/blobs/of-{name}", name);
            File.CreateSymbolicLink(Path.Combine(snapshot, name), $"../../blobs/of-{name}");
        }
        _temp.Write("models--x/snapshots/1f2e/inner/merges", "merges.txt");
        File.CreateSymbolicLink(Path.Combine(snapshot, "merges.txt"), "inner/merges");
        Directory.CreateSymbolicLink(_temp["mine"], snapshot); // the folder itself may be a link, too
        foreach (string folder in (string[])[snapshot, _temp["mine"]])
        {
            var files = new CompanionFiles(folder);
            Assert.Empty(files.Warnings);
            string saved = Directory.CreateDirectory(_temp[$"saved/{Path.GetFileName(folder)}"]).FullName;
            files.Write(saved);
            Assert.Equal(["chat_template.jinja", "merges.txt", "tokenizer.json"],
                Directory.GetFiles(saved).Select(File.ReadAllText).Order());
            Assert.All(Directory.GetFiles(saved), file => Assert.Null(new FileInfo(file).LinkTarget));
        }
    }

    /// <summary>Whatever a tokenizer may consist of goes with the model, and nothing else of its folder.</summary>
    [Fact]
    public void Every_file_of_a_tokenizer_is_copied()
    {
        string[] names =
        [
            "added_tokens.json", "chat_template.jinja", "chat_template.json", "generation_config.json", "merges.txt", "some.tiktoken",
            "special_tokens_map.json", "tok512.bin", "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json",
        ];
        foreach (string name in (string[])[.. names, "README.md", "optimizer.bin", "model.safetensors", "config.json"])
        {
            _temp.Write($"folder/{name}", name);
        }
        string saved = Directory.CreateDirectory(_temp["saved"]).FullName;
        new CompanionFiles(_temp["folder"]).Write(saved);
        Assert.Equal(names, Directory.GetFiles(saved).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Assert.Equal(names, names.Select(name => File.ReadAllText(Path.Combine(saved, name))));
    }

    [Theory]
    [InlineData("../secret"), InlineData("../folder-too/secret"), InlineData("../blobs/secret")]
    public void A_chat_template_that_leads_elsewhere_is_left_out_with_a_warning(string target)
    {
        using PretrainedModel model = PretrainedModel.Load(new ModelSource(Linked("chat_template.jinja", target)));
        string warning = Assert.Single(model.Warnings);
        Assert.Contains($"{Path.Combine(_temp["folder"], "chat_template.jinja")}: leads out of the model's folder, to ", warning);
        Assert.Contains("Put a copy in its place", warning);
        model.Save(_temp["saved"]);
        Assert.False(Path.Exists(Path.Combine(_temp["saved"], "chat_template.jinja")));
        Assert.True(File.Exists(Path.Combine(_temp["saved"], "config.json")));
    }

    /// <summary>A model that is not trained need not be saved: it is read all the same.</summary>
    [Theory]
    [InlineData("tokenizer.json"), InlineData("tokenizer_config.json"), InlineData("tokenizer.bin"), InlineData("some.tiktoken")]
    public void A_file_that_the_tokenizer_needs_is_refused_before_the_work(string name)
    {
        string folder = Linked(name, "../secret");
        string message = Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(new ModelSource(folder))).Message;
        Assert.StartsWith($"{Path.Combine(folder, name)}: leads out of the model's folder, to ", message);
        using PretrainedModel frozen = PretrainedModel.Load(new ModelSource(folder, InferenceOnly: true));
        Assert.Empty(frozen.Warnings);
        Assert.Equal(message, Assert.Throws<SkipwiseException>(() => frozen.Save(_temp["saved"])).Message);
        Assert.False(Directory.Exists(_temp["saved"]));
    }

    /// <summary>A folder named snapshots has blobs beside it, which no other link of its model reaches.</summary>
    [Fact]
    public void Other_links_of_a_snapshot_are_not_followed()
    {
        _temp.Write("models--x/secret", "secret");
        _temp.Write("models--x/snapshots/blobs/secret", "secret");
        string snapshot = Directory.CreateDirectory(_temp["models--x/snapshots/1f2e"]).FullName;
        File.CreateSymbolicLink(Path.Combine(snapshot, "chat_template.jinja"), "../../secret");
        File.CreateSymbolicLink(Path.Combine(snapshot, "chat_template.json"), "../blobs/secret");
        Assert.Equal(2, new CompanionFiles(snapshot).Warnings.Count);
    }

    private string Linked(string name, string target)
    {
        string folder = _temp.Copy(Fixture.Path("llama-none"), "folder");
        _temp.Write(target[3..], "secret");
        File.CreateSymbolicLink(Path.Combine(folder, name), target);
        return folder;
    }
}
