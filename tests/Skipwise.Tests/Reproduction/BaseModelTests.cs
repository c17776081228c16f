using System.Globalization;
using Skipwise.Evaluation.Passkey;
using Skipwise.Reproduction;
using Skipwise.Storage;
using Skipwise.TokenStores;

namespace Skipwise.Tests.Reproduction;

/// <summary>The texts that models are trained on and measured with, for the shipped base.</summary>
public sealed class BaseModelTests
{
    private static readonly BaseModel s_base = new(Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny"), TinyBase.Scale);

    /// <summary>The version is in the name of every trained model and measured number: if a text changes, so has the version to.</summary>
    [Fact]
    public void Texts_are_those_of_the_version()
    {
        string texts = ContentHash.OfText(
            Ids(s_base.TrainingText(1)) + Ids(s_base.TrainingText(2)) + Ids(s_base.HeldOut)
            + string.Concat(s_base.Prompts(256, 1).Select(prompt => prompt.Text)));
        Assert.Equal(("1", "0b5963a0af2ca894"), (BaseModel.TextVersion, texts));
    }

    [Fact]
    public void Seeds_read_other_texts_and_are_measured_with_the_same()
    {
        Assert.NotEqual(Ids(s_base.TrainingText(1)), Ids(s_base.TrainingText(2)));
        Assert.Equal(TinyBase.Scale.TrainingDocuments, s_base.TrainingText(1).Count);
        Assert.Equal(TinyBase.Scale.Documents, s_base.HeldOut.Count);
        Assert.All(Enumerable.Range(0, s_base.HeldOut.Count), document =>
            Assert.True(s_base.HeldOut[document].Length >= BaseModel.DocumentWindows * s_base.Window));
        Assert.Equal(TinyBase.Scale.Trials, s_base.Prompts(256, 1).Count);
        Assert.All(s_base.Prompts(256, 1), (PasskeyPrompt prompt) => Assert.InRange(prompt.InputIds.Length, 200, 256));
    }

    private static string Ids(TokenList documents) => string.Join(';', Enumerable.Range(0, documents.Count).Select(document =>
        string.Join(',', documents[document].ToArray().Select(id => id.ToString(CultureInfo.InvariantCulture)))));
}
