using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Hub;
using Skipwise.Storage.Gguf;
using Skipwise.Tokenizers.Formats;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>The chat templates of a model, for a GGUF file.</summary>
internal static class ChatTemplates
{
    /// <summary>The templates by name; <c>default</c> is the one without a name.</summary>
    /// <param name="model">a folder, or a file: GGUF, or one in the folder</param>
    /// <exception cref="SkipwiseException">a file cannot be read or leads out of the folder, or two templates have one name</exception>
    public static IReadOnlyList<(string Name, string Text)> Read(string model) => ChatTemplateFiles.Read(model, file =>
    {
        if (CompanionFiles.Elsewhere(ChatTemplateFiles.FolderOf(ModelFolder.Resolve(model)), file) is { } place)
        {
            throw new SkipwiseException(
                $"{file}: leads out of the model's folder, to {place}, so it is not put into the file. Put a copy in its place if it " +
                "belongs to the model");
        }
    });

    /// <summary>Adds the templates under GGUF's keys.</summary>
    public static void Describe(GgufMetadata metadata, IReadOnlyList<(string Name, string Text)> templates)
    {
        string[] named = [.. templates.Where(template => template.Name != ChatTemplateFiles.Default).Select(template => template.Name)];
        if (named.Length > 0)
        {
            metadata.Add("tokenizer.chat_templates", named);
        }
        foreach ((string name, string text) in templates)
        {
            metadata.Add(name == ChatTemplateFiles.Default ? "tokenizer.chat_template" : $"tokenizer.chat_template.{name}", text);
        }
    }
}
